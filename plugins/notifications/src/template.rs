//! Texts with `{id}` in them.

use std::fmt::Write as _;

use serde::Deserialize;
use tidegate_plugin::{TopicError, check_topic, encode_segment};

const ID: &str = "{id}";

/// The topic of a user.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct TopicTemplate(Split);

impl TopicTemplate {
    /// The error is an id too long for a topic.
    pub(crate) fn of(&self, id: &str) -> Result<String, TopicError> {
        let topic = self.0.with(&encode_segment(id));
        check_topic(&topic)?;
        Ok(topic)
    }
}

impl Default for TopicTemplate {
    fn default() -> Self {
        Self(Split {
            before: "user:".into(),
            after: ":notification".into(),
        })
    }
}

impl TryFrom<String> for TopicTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let split = Split::of(&text)?;
        check_topic(&split.with("x")).map_err(|cause| format!("\"{text}\": {cause}"))?;
        Ok(Self(split))
    }
}

/// The path of a user at the User Service.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct PathTemplate(Split);

impl PathTemplate {
    /// None for an id that is no path segment: URLs resolve `.` and `..`, percent-encoded or not,
    /// so a user of that name would be a question about something else.
    pub(crate) fn of(&self, id: &str) -> Option<String> {
        let alone = self.0.before.ends_with('/');
        if id.is_empty() || (alone && matches!(id, "." | "..")) {
            return None;
        }
        Some(self.0.with(&percent_encoded(id)))
    }
}

impl Default for PathTemplate {
    fn default() -> Self {
        Self(Split {
            before: "/users/".into(),
            after: String::new(),
        })
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("the path \"{text}\" does not begin with /"));
        }
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
            return Err(format!("the path \"{text}\" has {bad:?} in it"));
        }
        Ok(Self(Split::of(&text)?))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Split {
    before: String,
    after: String,
}

impl Split {
    fn of(text: &str) -> Result<Self, String> {
        let Some((before, after)) = text.split_once(ID) else {
            return Err(format!("\"{text}\" has no {ID} in it"));
        };
        if after.contains(ID) {
            return Err(format!("\"{text}\" has {ID} more than once in it"));
        }
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    fn with(&self, id: &str) -> String {
        [&self.before, id, &self.after].concat()
    }
}

/// All but RFC 3986's unreserved characters.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
