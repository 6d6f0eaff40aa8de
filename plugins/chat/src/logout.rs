//! A name is given back; what was written under it stays.

use serde_json::json;
use tidegate_plugin::{Call, Error, Reply, sessions};

use crate::refusal::{busy, is_conflict, unavailable};
use crate::users;

/// The row changes once an hour at most, so the second try is as good as sure.
const TRIES: u32 = 5;

pub(crate) fn logout(call: &Call<'_>) -> Result<Reply, Error> {
    if let Some(session) = call.caller.session_id {
        let mut names = users::names_of(session)?;
        // The index may not have it yet.
        if let Some(name) = call.caller.subject {
            names.push(name.into());
        }
        for name in names {
            give_back(&name, session)?;
        }
        // Last: who meets an error before can log out again.
        sessions::destroy(session).map_err(unavailable)?;
    }
    Reply::json(&json!({}))
}

fn give_back(name: &str, session: &str) -> Result<(), Error> {
    for _ in 0..TRIES {
        let found = users::find(name)?;
        let Some(item) = found.filter(|item| item.value.is_of(session)) else {
            return Ok(());
        };
        match users::remove(name, &item.version) {
            Err(error) if is_conflict(&error) => {}
            removed => return removed.map_err(unavailable),
        }
    }
    Err(busy())
}
