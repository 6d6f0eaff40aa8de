//! The table of messages, and how they are shown.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tidegate_plugin::store::{Table, table};
use tidegate_plugin::{Error, publisher, random};

use crate::refusal::unavailable;
use crate::users::now_ms;

pub(crate) const MESSAGES: Table<'_> = table("Messages");

/// Digits of the milliseconds in a `CreatedAt`: enough until 2286.
const MS_DIGITS: usize = 13;
const RANDOM_DIGITS: usize = 6;
pub(crate) const CREATED_AT_DIGITS: usize = MS_DIGITS + RANDOM_DIGITS;

/// A message as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Stored {
    /// The room.
    pub(crate) partition_key: String,
    /// Unique in its room, and sorts by time.
    pub(crate) created_at: String,
    pub(crate) user_name: String,
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
}

/// An item of a room, which others may have put there.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Found {
    Message(Stored),
    Other(IgnoredAny),
}

/// A message as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    id: String,
    room: String,
    name: String,
    text: String,
    created_at: String,
    time_ms: u64,
}

/// A `CreatedAt` for what is written now.
pub(crate) fn created_at() -> String {
    let random = random::u64() % 10_u64.pow(RANDOM_DIGITS as u32);
    format!("{:0MS_DIGITS$}{random:0RANDOM_DIGITS$}", now_ms())
}

/// When it was written, in milliseconds since 1970; none if it tells no time.
pub(crate) fn time_ms(created_at: &str) -> Option<u64> {
    created_at.get(..MS_DIGITS)?.parse().ok()
}

impl Found {
    pub(crate) fn message(self) -> Option<Message> {
        match self {
            Self::Message(stored) => stored.message(),
            Self::Other(_) => None,
        }
    }
}

impl Stored {
    /// None if its `CreatedAt` tells no time.
    pub(crate) fn message(self) -> Option<Message> {
        let time_ms = time_ms(&self.created_at)?;
        Some(Message {
            id: format!("{}/{}", self.partition_key, self.created_at),
            room: self.partition_key,
            name: self.user_name,
            text: self.text,
            created_at: self.created_at,
            time_ms,
        })
    }
}

impl Message {
    pub(crate) fn created_at(&self) -> &str {
        &self.created_at
    }

    pub(crate) fn announce(&self, default_room: &str) -> Result<(), Error> {
        let topic = if self.room == default_room {
            "chat:message:new".into()
        } else {
            format!("chat:message:new:{}", self.room)
        };
        publisher::publish(&topic, Some("chat.message"), self).map_err(unavailable)
    }
}
