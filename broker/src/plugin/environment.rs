//! `${NAME}` in settings: values from the environment, so that a file can be the same everywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Variables by name. Printing it shows none: they hold secrets.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

/// A text with a `${` that is not followed by a name and `}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not ${{NAME}} or ${{NAME:-default}} (a literal ${{ is written $${{)")]
pub struct BadVariable(pub String);

impl Environment {
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Arc::new(variables.into_iter().collect()))
    }

    /// Puts values in the place of `${NAME}` and `${NAME:-default}`; `$${` stands for `${`. A
    /// variable that is unset, or empty, is its default or else the empty text. A value is not
    /// looked at again.
    ///
    /// # Errors
    ///
    /// What follows a `${` is no name, or has no `}`.
    pub fn fill(&self, text: &str) -> Result<String, BadVariable> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("${");
                rest = after;
                continue;
            }
            filled.push_str(before);
            let bad = || BadVariable(format!("${{{}", after.chars().take(32).collect::<String>()));
            let (inside, after) = after.split_once('}').ok_or_else(bad)?;
            let (name, default) = inside.split_once(":-").unwrap_or((inside, ""));
            if !is_name(name) {
                return Err(bad());
            }
            let value = self.0.get(name).filter(|value| !value.is_empty());
            filled.push_str(value.map_or(default, String::as_str));
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// [`fill`](Self::fill) in every text of a value, but not in names of fields.
    pub(super) fn fill_value(&self, value: &mut Value) -> Result<(), BadVariable> {
        match value {
            Value::String(text) => *text = self.fill(text)?,
            Value::Array(items) => items
                .iter_mut()
                .try_for_each(|item| self.fill_value(item))?,
            Value::Object(fields) => fields
                .values_mut()
                .try_for_each(|field| self.fill_value(field))?,
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    let starts = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    starts
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let variables = [("HOST", "users:80"), ("EMPTY", ""), ("ODD", "${HOST}")];
        Environment::new(variables.map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn names_are_replaced_wherever_they_stand() {
        let filled = |text: &str| environment().fill(text).expect("well-formed");
        assert_eq!(filled("http://${HOST}/v1"), "http://users:80/v1");
        assert_eq!(filled("${HOST}${HOST}"), "users:80users:80");
        assert_eq!(filled("${NONE}|${EMPTY}|"), "||");
        assert_eq!(filled("${NONE:-a:-b} ${EMPTY:-c}"), "a:-b c");
        assert_eq!(filled("${ODD}"), "${HOST}", "values are not looked at");
        assert_eq!(filled("$HOST $${HOST} $"), "$HOST ${HOST} $");
    }

    #[test]
    fn what_is_no_name_is_told() {
        for bad in ["${", "a ${HOST", "${}", "${1}", "${a b}", "${:-x}"] {
            assert!(environment().fill(bad).is_err(), "{bad}");
        }
        let error = environment().fill("${a b}").expect_err("a blank");
        assert!(
            error.to_string().starts_with("\"${a b}\" is not"),
            "{error}"
        );
    }

    #[test]
    fn texts_in_a_value_are_filled_and_names_are_not() {
        let mut value = serde_json::json!({"${HOST}": ["${HOST}", {"a": "${NONE:-x}"}, 1]});
        environment().fill_value(&mut value).expect("well-formed");
        let filled = serde_json::json!({"${HOST}": ["users:80", {"a": "x"}, 1]});
        assert_eq!(value, filled);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", environment()), "Environment(3 variables)");
    }
}
