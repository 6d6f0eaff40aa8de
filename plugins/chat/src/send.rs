//! A message is saved, then announced. Whoever got no answer sends it again with the same nonce:
//! it is saved once, and announced again, for nobody knows whether it was.

use serde::{Deserialize, Serialize};
use tidegate_plugin::{Call, Error, Reply};

use crate::messages::{Found, MESSAGES, Message, Stored};
use crate::nonces::{NonceItem, Place};
use crate::refusal::{busy, is_conflict, name_with, unavailable};
use crate::{Chat, WRITE, texts};

/// Two messages of one room in the same millisecond meet at one place once in a million times.
const TRIES: u32 = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    text: String,
    nonce: String,
    room: Option<String>,
}

#[derive(Serialize)]
struct Sent<'a> {
    message: &'a Message,
}

impl Chat {
    pub(crate) fn send(&mut self, call: &Call<'_>) -> Result<Reply, Error> {
        let name = name_with(&call.caller, WRITE)?;
        let Params { text, nonce, room } = call.params()?;
        texts::check_text(&text, self.settings.messages.characters_max)?;
        texts::check_nonce(&nonce)?;
        let room = self.settings.room(room.as_deref())?;
        let keep_hours = self.settings.messages.nonce_keep_hours;
        let item = NonceItem::new(name, &nonce, room, keep_hours);
        let message = Stored {
            partition_key: room.into(),
            created_at: item.message_at().into(),
            user_name: name.into(),
            text,
            nonce: Some(nonce),
        };
        let saved = match item.save_with(&message)? {
            None => message,
            Some(place) => save_at(place, message)?,
        };
        let message = saved.message().ok_or_else(|| {
            Error::new("bad-item", "Something is wrong with the clock of the chat.")
        })?;
        message.announce(self.settings.default_room())?;
        self.seen.note(name);
        Reply::json(&Sent { message: &message })
    }
}

/// Saves the message at the place that its nonce has, or at another if it cannot stand there. Answers
/// what is saved: of a message that is sent again with another text, the first one.
fn save_at(mut place: Place, mut message: Stored) -> Result<Stored, Error> {
    for _ in 0..TRIES {
        message.partition_key = place.room().into();
        message.created_at = place.message_at().into();
        let is_late = place.is_late();
        if !is_late {
            match MESSAGES.put_if_absent(&message) {
                Ok(_) => return Ok(message),
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        let there = MESSAGES
            .consistent()
            .get::<Found>((place.room(), place.message_at()))
            .map_err(unavailable)?;
        match there.map(|item| item.value) {
            Some(Found::Message(there))
                if (&there.user_name, &there.nonce) == (&message.user_name, &message.nonce) =>
            {
                return Ok(there);
            }
            Some(_) => place = place.change()?,
            None if is_late => place = place.change()?,
            // Gone meanwhile: the place is free.
            None => {}
        }
    }
    Err(busy())
}
