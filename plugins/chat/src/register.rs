//! Somebody types a name and is in.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_plugin::{Call, Caller, Error, Reply, sessions};

use crate::refusal::{is_conflict, unavailable};
use crate::users::{self, Row};
use crate::{Chat, READ, WRITE, names};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    name: String,
}

#[derive(Serialize)]
struct Registered {
    name: String,
}

impl Chat {
    pub(crate) fn register(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let Params { name } = call.params()?;
        let name = names::parse(&name, &self.settings.names)?;
        self.claim(&name, &call.caller)?;
        Reply::json(&Registered { name })
    }

    fn claim(&self, name: &str, caller: &Caller<'_>) -> Result<(), Error> {
        let there = users::find(name)?;
        if let Some(own) = caller.session_id {
            if there.as_ref().is_some_and(|item| item.value.is_of(own)) {
                return Ok(());
            }
            refuse_second_name(own, caller.subject)?;
        }
        if let Some(item) = &there {
            if !item.value.is_idle(self.settings.names.idle_days) {
                return Err(name_taken(name));
            }
            // Before the name is somebody else's: were it after, and failed, two would bear it.
            if let Some(session) = &item.value.session_id {
                sessions::destroy(session).map_err(unavailable)?;
            }
        }
        let session = sessions::create(&json!({"user": {"id": name, "scopes": [READ, WRITE]}}))
            .map_err(unavailable)?;
        let row = Row::new(name, &session);
        let written = match &there {
            None => users::add(&row),
            Some(item) => users::replace(&row, &item.version),
        };
        match written {
            Ok(_) => Ok(()),
            // What is written twice on its way conflicts with itself, and what failed may be done.
            Err(_) if users::has(&session, name)? => Ok(()),
            Err(error) if is_conflict(&error) => Err(name_taken(name)),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// The name that it would leave behind would be taken until it is idle.
fn refuse_second_name(session: &str, subject: Option<&str>) -> Result<(), Error> {
    match subject {
        Some(name) if users::has(session, name)? => Err(Error::new(
            "already-registered",
            format!("You are here as {name}. Please log out to take another name."),
        )),
        _ => Ok(()),
    }
}

fn name_taken(name: &str) -> Error {
    let message = format!("{name} is taken. Please choose another name.");
    Error::new("name-taken", message)
}
