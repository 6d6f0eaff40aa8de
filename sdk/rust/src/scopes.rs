/// The scopes of a caller: a text, separated by single spaces, as tokens carry them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes<'a>(&'a str);

impl<'a> Scopes<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|held| held == scope)
    }

    /// The first of `needed` that is not held.
    pub fn missing<'n>(&self, needed: &'n [String]) -> Option<&'n str> {
        needed
            .iter()
            .map(String::as_str)
            .find(|scope| !self.contains(scope))
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Whether `text` can be one scope (RFC 6749 §3.3): visible ASCII without `"` and `\`, so that it
/// can never be read as two.
pub fn is_scope(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_held_whole() {
        let scopes = Scopes::new("user:read:chat  channel:write");
        assert!(scopes.contains("user:read:chat"));
        assert!(scopes.contains("channel:write"));
        assert!(!scopes.contains("user:read"));
        assert!(!scopes.contains(""));
        assert!(!Scopes::default().contains(""));
    }

    #[test]
    fn the_first_missing_one_is_named() {
        let needed = ["a", "b", "c"].map(String::from);
        assert_eq!(Scopes::new("a c").missing(&needed), Some("b"));
        assert_eq!(Scopes::new("c b a").missing(&needed), None);
        assert_eq!(Scopes::default().missing(&[]), None);
    }

    #[test]
    fn a_scope_is_one_word() {
        assert!(is_scope("user:read:chat"));
        for other in ["", "a b", "a\tb", "a\"", "ä"] {
            assert!(!is_scope(other), "{other:?}");
        }
    }
}
