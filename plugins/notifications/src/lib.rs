//! Tidegate's notifications plugin: what records of a source mean to users, and whether a User
//! Service knows whoever wants to stay. Everything is in its settings; the shipped ones are
//! `notifications.toml`.

mod door;
mod pointer;
mod reader;
mod recipients;
mod settings;
mod source;
mod template;

use tidegate_plugin::{Admission, Admitted, Error, Mapper, Outcome, Plugin, Record, Visitor};

use crate::door::Door;
use crate::reader::Reader;
use crate::settings::Settings;

struct Notifications {
    reader: Reader,
    door: Door,
}

impl Plugin for Notifications {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            reader: Reader::new(settings.records),
            door: Door::new(settings.admission)?,
        })
    }
}

impl Mapper for Notifications {
    fn map(&mut self, record: &Record<'_>) -> Result<Outcome, Error> {
        self.reader.read(record)
    }
}

impl Admission for Notifications {
    fn admit(&mut self, visitor: &Visitor<'_>) -> Result<Admitted, Error> {
        Ok(self.door.admit(visitor.subject))
    }
}

tidegate_plugin::export!(Notifications: Mapper + Admission, grants: ["publisher", "http"], retries: 3);

#[cfg(test)]
mod tests;
