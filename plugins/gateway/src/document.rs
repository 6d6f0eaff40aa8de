//! A session document becomes a principal.

use serde_json::Value;
use tidegate_plugin::{Error, Principal, is_scope};

use crate::settings::{Pointer, PrincipalSettings, Scope};

pub(crate) struct Reader {
    subject: Vec<Pointer>,
    scopes: Vec<Pointer>,
    default_scopes: Vec<String>,
}

impl Reader {
    pub(crate) fn new(settings: PrincipalSettings) -> Self {
        Self {
            subject: settings.subject,
            scopes: settings.scopes,
            default_scopes: settings
                .default_scopes
                .into_iter()
                .map(|Scope(scope)| scope)
                .collect(),
        }
    }

    pub(crate) fn principal(&self, session: &str) -> Result<Principal, Error> {
        let document: Value = serde_json::from_str(session)
            .map_err(|cause| bad_session(format!("the session document is not JSON: {cause}")))?;
        let Some(subject) = self.subject(&document) else {
            return Err(Error::new(
                "unauthenticated",
                "nobody is signed in to this session",
            ));
        };
        let mut scopes = self.default_scopes.clone();
        for scope in self.scopes(&document)? {
            if !scopes.iter().any(|held| held == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Ok(Principal { subject, scopes })
    }

    /// Texts and whole numbers (row ids) are subjects; what holds one is looked into by a
    /// pointer of its own.
    fn subject(&self, document: &Value) -> Option<String> {
        self.subject
            .iter()
            .filter_map(|Pointer(pointer)| document.pointer(pointer))
            .find_map(|value| match value {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) if number.is_u64() || number.is_i64() => {
                    Some(number.to_string())
                }
                _ => None,
            })
    }

    fn scopes<'d>(&self, document: &'d Value) -> Result<Vec<&'d str>, Error> {
        let found = self.scopes.iter().find_map(|Pointer(pointer)| {
            let value = document.pointer(pointer)?;
            (!value.is_null()).then_some((pointer, value))
        });
        let Some((pointer, value)) = found else {
            return Ok(Vec::new());
        };
        let refused = || {
            bad_session(format!(
                "{pointer} in the session document is neither a list of scopes nor a text of them"
            ))
        };
        let scopes: Vec<&str> = match value {
            Value::String(text) => text.split_ascii_whitespace().collect(),
            Value::Array(list) => list
                .iter()
                .map(Value::as_str)
                .collect::<Option<_>>()
                .ok_or_else(refused)?,
            _ => return Err(refused()),
        };
        // One entry must not become two scopes in the token.
        if !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(refused());
        }
        Ok(scopes)
    }
}

fn bad_session(message: String) -> Error {
    Error::new("bad-session", message)
}
