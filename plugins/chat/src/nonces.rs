//! A message that is sent again is saved once. Its nonce has an item that holds the place chosen for
//! the message; whoever sends it, again or at the same time, writes it there or nowhere.

use serde::{Deserialize, Serialize};
use tidegate_plugin::store::{self, Item, Version};
use tidegate_plugin::{Error, clock, encode_segment};

use crate::messages::{MESSAGES, Stored, created_at, time_ms};
use crate::refusal::{busy, is_conflict, unavailable};
use crate::users::now_ms;

const HOUR_SECONDS: u64 = 60 * 60;

/// The only sort key of a nonce's partition.
const SORT: &str = "0";

/// Windows fill in a gap from 30 s before what they know last: what is saved at an older place may
/// never be seen, and one that is sent again later goes elsewhere. So no call may last so long: the
/// broker's `plugins.handler_deadline` is 10 s unless it is set to more.
const LATE_MS: u64 = 20_000;

/// An item is gone only when it expired between two calls.
const TRIES: u32 = 3;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NonceItem {
    partition_key: String,
    created_at: String,
    room: String,
    message_at: String,
    /// Seconds since 1970.
    expires_at: u64,
}

/// The place that a message's nonce has for it: its room and `CreatedAt`.
#[derive(Debug)]
pub(crate) struct Place {
    item: NonceItem,
    version: Version,
}

impl NonceItem {
    /// With a place in this room for what is written now.
    pub(crate) fn new(name: &str, nonce: &str, room: &str, keep_hours: u32) -> Self {
        let keep = u64::from(keep_hours) * HOUR_SECONDS;
        Self {
            // Encoded, a name holds no `#`: no name with a nonce is another name with another.
            partition_key: format!("nonce#{}#{nonce}", encode_segment(name)),
            created_at: SORT.into(),
            room: room.into(),
            message_at: created_at(),
            expires_at: clock::now().as_secs().saturating_add(keep),
        }
    }

    /// Saves the message at this place, if neither has been there. Otherwise answers the place that
    /// the nonce has.
    pub(crate) fn save_with(self, message: &Stored) -> Result<Option<Place>, Error> {
        for _ in 0..TRIES {
            let both = store::in_order()
                .put_if_absent(MESSAGES, &self)?
                .put_if_absent(MESSAGES, message)?;
            match both.write() {
                Ok(_) => return Ok(None),
                Err(stopped) if is_conflict(&stopped.error) => {
                    if let Some(version) = stopped.written.into_iter().next() {
                        let item = self;
                        return Ok(Some(Place { item, version }));
                    }
                }
                Err(stopped) => return Err(unavailable(stopped.error)),
            }
            if let Some(place) = Place::read(&self.partition_key)? {
                return Ok(Some(place));
            }
        }
        Err(busy())
    }

    pub(crate) fn message_at(&self) -> &str {
        &self.message_at
    }
}

impl Place {
    /// Another one in the same room: this one is taken by another message.
    pub(crate) fn change(self) -> Result<Self, Error> {
        let item = NonceItem {
            message_at: created_at(),
            ..self.item
        };
        match MESSAGES.put_if_unchanged(&item, &self.version) {
            Ok(version) => Ok(Self { item, version }),
            // Who sent it at the same time has chosen.
            Err(error) if is_conflict(&error) => Self::read(&item.partition_key)?.ok_or_else(busy),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Whether it was chosen too long ago for a message that is saved only now.
    pub(crate) fn is_late(&self) -> bool {
        time_ms(&self.item.message_at).is_none_or(|at| now_ms().saturating_sub(at) > LATE_MS)
    }

    pub(crate) fn room(&self) -> &str {
        &self.item.room
    }

    pub(crate) fn message_at(&self) -> &str {
        &self.item.message_at
    }

    fn read(partition_key: &str) -> Result<Option<Self>, Error> {
        let found = MESSAGES.consistent().get((partition_key, SORT));
        let found: Option<Item<NonceItem>> = found.map_err(unavailable)?;
        Ok(found.map(|Item { value, version }| Self {
            item: value,
            version,
        }))
    }
}
