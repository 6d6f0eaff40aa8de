//! Where in a record something stands.

use serde::Deserialize;

use crate::pointer::Pointer;

/// One place, as the settings write it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) enum Source {
    Key,
    Header(String),
    Value(Pointer),
}

impl Source {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Key => "the record's key".into(),
            Self::Header(name) => format!("the record's header {name}"),
            Self::Value(pointer) if pointer.is_whole() => "the value".into(),
            Self::Value(pointer) => format!("{} in the value", pointer.as_str()),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "key" {
            return Ok(Self::Key);
        }
        if let Some(name) = text.strip_prefix("header:") {
            if name.is_empty() {
                return Err("\"header:\" names no header".into());
            }
            return Ok(Self::Header(name.to_owned()));
        }
        if !text.starts_with('/') {
            return Err(format!(
                "\"{text}\" is neither \"key\" nor \"header:NAME\" nor a JSON pointer, which \
                 begins with /"
            ));
        }
        Ok(Self::Value(Pointer::try_from(text)?))
    }
}

/// Places of which the first that is there counts.
#[derive(Default, Deserialize)]
#[serde(try_from = "Vec<Source>")]
pub(crate) struct Sources(pub(crate) Vec<Source>);

impl TryFrom<Vec<Source>> for Sources {
    type Error = String;

    fn try_from(sources: Vec<Source>) -> Result<Self, String> {
        for source in &sources {
            if let Source::Value(pointer) = source {
                pointer.must_be_single()?;
            }
        }
        Ok(Self(sources))
    }
}

/// As [`Sources`], but one may lead to many users, and none would be for nobody.
#[derive(Deserialize)]
#[serde(try_from = "Vec<Source>")]
pub(crate) struct UserSources(pub(crate) Vec<Source>);

impl Default for UserSources {
    fn default() -> Self {
        let names = [
            "key",
            "/userId",
            "/user_id",
            "/user/id",
            "/recipients",
            "/userIds",
            "/user_ids",
        ];
        let sources = names.map(|name| Source::try_from(name.to_owned()));
        Self(sources.into_iter().flatten().collect())
    }
}

impl TryFrom<Vec<Source>> for UserSources {
    type Error = String;

    fn try_from(sources: Vec<Source>) -> Result<Self, String> {
        if sources.is_empty() {
            return Err("no place is listed, so no record would be for anybody".into());
        }
        Ok(Self(sources))
    }
}

/// What a Socket.IO client can listen to with `on`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct EventName(pub(crate) String);

/// An event's name is a word in a program.
const EVENT_BYTES_MAX: usize = 255;

/// What Socket.IO clients use for themselves (socket.io-client 4.8, `RESERVED_EVENTS`, and what
/// the server's side reserves).
const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

impl Default for EventName {
    fn default() -> Self {
        Self("notification".into())
    }
}

impl TryFrom<String> for EventName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name.is_empty() || name.len() > EVENT_BYTES_MAX {
            return Err(format!(
                "an event's name has 1 to {EVENT_BYTES_MAX} bytes, not {}",
                name.len()
            ));
        }
        if RESERVED_EVENTS.contains(&name.as_str()) {
            return Err(format!("the event \"{name}\" is Socket.IO's own"));
        }
        Ok(Self(name))
    }
}
