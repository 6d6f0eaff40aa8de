//! The settings as they are written.

use serde::Deserialize;
use tidegate_plugin::{Error, check_topic};

const ROOM_BYTES_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// The first is for those who name none.
    pub(crate) rooms: Vec<String>,
    pub(crate) names: NameSettings,
    pub(crate) messages: MessageSettings,
    pub(crate) history: HistorySettings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NameSettings {
    pub(crate) characters_max: u32,
    pub(crate) lower_case: bool,
    pub(crate) idle_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MessageSettings {
    pub(crate) characters_max: u32,
    pub(crate) nonce_keep_hours: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HistorySettings {
    pub(crate) limit: u32,
    pub(crate) limit_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rooms: vec!["general".into()],
            names: NameSettings::default(),
            messages: MessageSettings::default(),
            history: HistorySettings::default(),
        }
    }
}

impl Default for NameSettings {
    fn default() -> Self {
        Self {
            characters_max: 32,
            lower_case: false,
            idle_days: 30,
        }
    }
}

impl Default for MessageSettings {
    fn default() -> Self {
        Self {
            characters_max: 2000,
            nonce_keep_hours: 24,
        }
    }
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            limit: 50,
            limit_max: 100,
        }
    }
}

impl Settings {
    pub(crate) fn default_room(&self) -> &str {
        self.rooms.first().map_or("", String::as_str)
    }

    /// The room of this name, or the first if there is none.
    pub(crate) fn room(&self, named: Option<&str>) -> Result<&str, Error> {
        let Some(named) = named else {
            return Ok(self.default_room());
        };
        let room = self.rooms.iter().find(|room| *room == named);
        room.map(String::as_str)
            .ok_or_else(|| Error::new("unknown-room", "There is no such room."))
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.rooms.is_empty() {
            return Err(Error::settings("settings: rooms: there is none"));
        }
        for (at, room) in self.rooms.iter().enumerate() {
            if !is_room(room) {
                return Err(Error::settings(format!(
                    "settings: rooms[{at}]: {room:?} is not 1 to {ROOM_BYTES_MAX} of \
                     A-Z a-z 0-9 . _ ~ @ + -"
                )));
            }
            if self.rooms[..at].contains(room) {
                return Err(Error::settings(format!(
                    "settings: rooms[{at}]: {room} is there twice"
                )));
            }
        }
        let (names, messages, history) = (&self.names, &self.messages, &self.history);
        for (place, value, most) in [
            ("names.characters_max", names.characters_max, 64),
            ("names.idle_days", names.idle_days, 3650),
            ("messages.characters_max", messages.characters_max, 4000),
            ("messages.nonce_keep_hours", messages.nonce_keep_hours, 8760),
            ("history.limit_max", history.limit_max, 200),
            ("history.limit", history.limit, history.limit_max),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::settings(format!(
                    "settings: {place} is {value}, not 1 to {most}"
                )));
            }
        }
        Ok(())
    }
}

/// A room is one segment of a topic, and part of messages' ids.
fn is_room(text: &str) -> bool {
    text.len() <= ROOM_BYTES_MAX && check_topic(text).is_ok() && !text.contains([':', '%', '|'])
}
