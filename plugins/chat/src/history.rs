//! Messages in batches: the newest, those before one that is there, or those after it.

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Call, Error, Reply};

use crate::messages::{CREATED_AT_DIGITS, Found, MESSAGES, Message};
use crate::refusal::{name_with, unavailable};
use crate::{Chat, READ};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    room: Option<String>,
    before: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
}

#[derive(Serialize)]
struct Batch {
    /// Newest first; of those after one, oldest first.
    messages: Vec<Message>,
    /// Whether there are more in this direction.
    more: bool,
}

/// Which messages of a room, the one that is named not among them.
enum Part<'a> {
    Newest,
    Before(&'a str),
    After(&'a str),
}

impl Chat {
    pub(crate) fn history(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        let name = name_with(&call.caller, READ)?;
        let params: Params = call.params()?;
        let part = match (&params.before, &params.after) {
            (None, None) => Part::Newest,
            (Some(before), None) => Part::Before(place(before, "before")?),
            (None, Some(after)) => Part::After(place(after, "after")?),
            (Some(_), Some(_)) => return Err(bad_params("before and after are both there")),
        };
        let history = &self.settings.history;
        let limit = params.limit.unwrap_or(history.limit.into());
        let limit = limit.clamp(1, history.limit_max.into()) as usize;
        let room = self.settings.room(params.room.as_deref())?;
        let batch = part.read(room, limit)?;
        self.seen.note(name);
        Reply::json(&batch)
    }
}

impl Part<'_> {
    fn read(&self, room: &str, limit: usize) -> Result<Batch, Error> {
        // One more tells whether there are more, and the one that is named may be among them.
        // Who fills in a gap must not read past what was announced meanwhile.
        let table = match self {
            Part::Before(_) => MESSAGES,
            Part::Newest | Part::After(_) => MESSAGES.consistent(),
        };
        let mut query = table.query(room).limit(limit as u32 + 2);
        let excluded = match self {
            Part::Newest => None,
            Part::Before(place) | Part::After(place) => Some(*place),
        };
        query = match self {
            Part::Newest => query.descending(),
            Part::Before(place) => query.descending().last(place),
            Part::After(place) => query.first(place),
        };
        let mut messages: Vec<Message> = Vec::with_capacity(limit + 2);
        loop {
            let page = query.page::<Found>().map_err(unavailable)?;
            let found = page
                .items
                .into_iter()
                .filter_map(|item| item.value.message());
            messages.extend(found.filter(|message| Some(message.created_at()) != excluded));
            match page.cursor {
                Some(cursor) if messages.len() <= limit => query = query.after(cursor),
                _ => break,
            }
        }
        let more = messages.len() > limit;
        messages.truncate(limit);
        Ok(Batch { messages, more })
    }
}

fn place<'a>(text: &'a str, param: &str) -> Result<&'a str, Error> {
    let is_place = (1..=CREATED_AT_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if !is_place {
        return Err(bad_params(&format!(
            "{param} is not the created_at of a message, {CREATED_AT_DIGITS} digits"
        )));
    }
    Ok(text)
}

fn bad_params(what: &str) -> Error {
    Error::new("bad-params", format!("params: {what}"))
}
