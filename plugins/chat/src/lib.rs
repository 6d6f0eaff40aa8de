//! Tidegate's chat plugin: a name is a session that many windows share, messages are saved, then
//! announced, and read back in batches. What may be said is in its settings; the shipped ones are
//! `chat.toml`.

mod history;
mod logout;
mod messages;
mod names;
mod nonces;
mod refusal;
mod register;
mod seen;
mod send;
mod settings;
mod texts;
mod unseen;
mod users;

use serde::Serialize;
use tidegate_plugin::{Call, Error, Handler, Plugin, Reply};

use crate::seen::Seen;
use crate::settings::Settings;

/// The scopes of whoever has a name, which also write and read need.
const READ: &str = "user:read:chat";
const WRITE: &str = "user:write:chat";

struct Chat {
    settings: Settings,
    seen: Seen,
}

impl Plugin for Chat {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            settings,
            seen: Seen::default(),
        })
    }
}

impl Handler for Chat {
    fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        match call.own_method() {
            "register" => self.register(call),
            "logout" => logout::logout(call),
            "send" => self.send(call),
            "history" => self.history(call),
            "who" => self.who(call),
            _ => Err(call.unknown_method()),
        }
    }
}

#[derive(Serialize)]
struct Who<'a> {
    name: &'a str,
    rooms: &'a [String],
}

impl Chat {
    fn who(&self, call: &Call<'_>) -> Result<Reply, Error> {
        Reply::json(&Who {
            name: refusal::name_with(&call.caller, READ)?,
            rooms: &self.settings.rooms,
        })
    }
}

tidegate_plugin::export!(
    Chat: Handler,
    grants: ["store", "sessions", "publisher"],
    tables: [
        {
            name: "Users",
            partition: "UserName",
            indexes: [{ name: "GSI_SessionLookup", partition: "SessionId" }],
        },
        { name: "Messages", partition: "PartitionKey", sort: "CreatedAt", expires: "ExpiresAt" },
    ],
    http_methods: ["chat.register", "chat.logout"],
);

#[cfg(test)]
mod tests;
