//! SPDX licence expressions, and the older `A/B`, judged against a list.

/// Whether the expression can be met with licences of `allowed` alone. `OR` needs one side, `AND`
/// both; an expression that cannot be read is not allowed.
pub fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = Words {
        words: &words,
        allowed,
    };
    words.alternatives() == Some(true) && words.words.is_empty()
}

struct Words<'a> {
    words: &'a [&'a str],
    allowed: &'a [&'a str],
}

impl<'a> Words<'a> {
    fn alternatives(&mut self) -> Option<bool> {
        let mut met = self.all_of()?;
        while self.take("OR") {
            met |= self.all_of()?;
        }
        Some(met)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.alternatives()?;
            return self.take(")").then_some(met);
        }
        let mut name = self.next()?.to_owned();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.next()?);
        }
        Some(self.allowed.contains(&name.as_str()))
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.words.first() == Some(&word);
        if there {
            self.words = &self.words[1..];
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn or_needs_one_side_and_needs_both() {
        let allowed = &["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"];
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "GPL-3.0/MIT",
            "MIT AND ISC",
            "ISC AND (GPL-3.0 OR MIT)",
            "Apache-2.0 WITH LLVM-exception",
            "GPL-3.0 OR MIT AND ISC",
        ] {
            assert!(is_allowed(good, allowed), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "Apache-2.0",
            "(MIT",
            "MIT)",
            "MIT OR",
            "MIT ISC",
            "(GPL-3.0 OR MIT) AND GPL-3.0",
        ] {
            assert!(!is_allowed(bad, allowed), "{bad}");
        }
    }
}
