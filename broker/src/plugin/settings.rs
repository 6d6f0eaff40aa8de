//! A plugin's settings as JSON text.

use std::collections::HashMap;
use std::path::Path;

use super::environment::Environment;
use super::error::LoadError;

/// What `init` gets whole, and the import `settings` piece by piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) text: String,
    values: HashMap<String, String>,
}

impl Settings {
    /// Settings that stand in the broker's own.
    pub(super) fn inline(
        value: serde_json::Value,
        environment: &Environment,
    ) -> Result<Self, LoadError> {
        Self::from_value(value, environment, "(inline)")
    }

    /// The content of a settings file, TOML or JSON by its ending.
    pub(super) fn from_file(
        path: &Path,
        bytes: &[u8],
        environment: &Environment,
    ) -> Result<Self, LoadError> {
        let origin = path.display().to_string();
        Self::from_value(parse(path, bytes, &origin)?, environment, &origin)
    }

    fn from_value(
        mut value: serde_json::Value,
        environment: &Environment,
        origin: &str,
    ) -> Result<Self, LoadError> {
        environment
            .fill_value(&mut value)
            .map_err(|error| refused(origin, error))?;
        let serde_json::Value::Object(object) = &value else {
            return Err(refused(origin, "not an object"));
        };
        let values = object
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect();
        Ok(Self {
            text: value.to_string(),
            values,
        })
    }

    /// The value of one top-level setting as JSON text.
    pub(super) fn get(&self, name: &str) -> Option<&String> {
        self.values.get(name)
    }
}

fn parse(path: &Path, bytes: &[u8], origin: &str) -> Result<serde_json::Value, LoadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| refused(origin, error))?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => toml::from_str(text).map_err(|error| refused(origin, error)),
        Some("json") => serde_json::from_str(text).map_err(|error| refused(origin, error)),
        _ => Err(refused(origin, "a settings file ends in .toml or .json")),
    }
}

fn refused(origin: &str, cause: impl ToString) -> LoadError {
    LoadError::Settings {
        origin: origin.to_owned(),
        cause: cause.to_string().trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Environment {
        Environment::new([("X".to_owned(), "x".to_owned())])
    }

    #[test]
    fn toml_and_json_become_the_same_text() {
        let read = |path, bytes| Settings::from_file(Path::new(path), bytes, &variables());
        let toml = read("p.toml", b"deny = \"${X}\"\n[a]\nb = 1\n");
        let json = read("p.json", br#"{"a":{"b":1},"deny":"x"}"#);
        assert_eq!(toml, json);
        let settings = json.expect("an object");
        assert_eq!(settings.text, r#"{"a":{"b":1},"deny":"x"}"#);
        assert_eq!(settings.get("a").map(String::as_str), Some(r#"{"b":1}"#));
        assert_eq!(settings.get("none"), None);
    }

    #[test]
    fn an_error_names_the_file_and_the_line() {
        let read =
            |bytes: &[u8]| Settings::from_file(Path::new("conf/p.toml"), bytes, &variables());
        let error = read(b"a = 1\nb = = 2\n").expect_err("two equal signs");
        assert!(error.to_string().contains("conf/p.toml"), "{error}");
        assert!(error.to_string().contains("line 2"), "{error}");
        let error = read(b"a = '${X'").expect_err("no brace");
        assert!(error.to_string().contains("\"${X\" is not"), "{error}");
        let error = Settings::inline(serde_json::json!([1]), &variables()).expect_err("an array");
        assert!(error.to_string().contains("not an object"), "{error}");
    }
}
