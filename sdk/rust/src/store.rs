//! Tables of items that outlive instances, generations and the broker. Wants the grant `store` in
//! the manifest and in the broker's settings, and the manifest declares the tables
//! ([`export!`](crate::export!)). Works in hooks that may wait (handler, admission); elsewhere the
//! error is `unavailable-in-this-hook`.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tidegate_plugin::{Error, store};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Note {
//!     owner: String,
//!     at: String,
//!     text: String,
//! }
//!
//! const NOTES: store::Table<'_> = store::table("Notes");
//!
//! fn latest(owner: &str) -> Result<Vec<Note>, Error> {
//!     let page = NOTES.query(owner).descending().limit(10).full_page::<Note>()?;
//!     Ok(page.items.into_iter().map(|item| item.value).collect())
//! }
//! ```
//!
//! An item is an object, as JSON at most 400 KB. Its keys are members of it: texts that are not
//! empty, a partition of at most 2048 bytes, a sort key of at most 1024.
//!
//! Codes of errors: [`CONFLICT`], `throttled`, `unavailable` (both worth another try: what was
//! asked for may have been done all the same), `too-large`, `bad-item`, `bad-key`, `bad-cursor`,
//! `unknown-table`, `unknown-index`.

mod puts;
mod query;

pub use puts::{Puts, Stopped, in_order};
pub use query::{Index, Page, Query};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, host::store};

/// The code of the error when a condition does not hold.
pub const CONFLICT: &str = "conflict";

/// The most keys that one host call takes.
const MOST_KEYS: usize = 100;

/// A table that the manifest declares.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    name: &'a str,
    consistent: bool,
}

/// A handle on the table of this name. Nothing is asked yet.
pub const fn table(name: &str) -> Table<'_> {
    Table {
        name,
        consistent: false,
    }
}

/// Names one item. A text is the key of a table without a sort key, a pair that of one with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    pub partition: &'a str,
    pub sort: Option<&'a str>,
}

/// Changes whenever its item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

/// An item as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<T> {
    pub value: T,
    pub version: Version,
}

#[derive(Clone, Copy)]
enum Condition<'a> {
    Always,
    IfAbsent,
    IfUnchanged(&'a Version),
}

impl<'a> Condition<'a> {
    fn on_the_wire(self) -> (u8, &'a str) {
        match self {
            Self::Always => (0, ""),
            Self::IfAbsent => (1, ""),
            Self::IfUnchanged(Version(version)) => (2, version),
        }
    }
}

impl<'a> Table<'a> {
    /// Reads through this handle see what was written before, whoever wrote it; may cost more.
    pub const fn consistent(mut self) -> Self {
        self.consistent = true;
        self
    }

    pub fn get<'k, T: DeserializeOwned>(
        &self,
        key: impl Into<Key<'k>>,
    ) -> Result<Option<Item<T>>, Error> {
        let found = store::get(self.name, &wire_key(key.into()), self.consistent)?;
        found.map(|item| self.typed(&item)).transpose()
    }

    /// The answers stand in the keys' order.
    pub fn batch_get<T: DeserializeOwned>(
        &self,
        keys: &[Key<'_>],
    ) -> Result<Vec<Option<Item<T>>>, Error> {
        let mut items = Vec::with_capacity(keys.len());
        for some in keys.chunks(MOST_KEYS) {
            let some: Vec<store::Key> = some.iter().copied().map(wire_key).collect();
            for found in store::batch_get(self.name, &some, self.consistent)? {
                items.push(found.map(|item| self.typed(&item)).transpose()?);
            }
        }
        Ok(items)
    }

    /// Writes the whole item, whatever was there. Durable when it returns.
    pub fn put(&self, item: &impl Serialize) -> Result<Version, Error> {
        self.write(item, Condition::Always)
    }

    /// Fails with [`CONFLICT`] if an item has this key.
    pub fn put_if_absent(&self, item: &impl Serialize) -> Result<Version, Error> {
        self.write(item, Condition::IfAbsent)
    }

    /// Fails with [`CONFLICT`] if the item is not there or has another version.
    pub fn put_if_unchanged(
        &self,
        item: &impl Serialize,
        version: &Version,
    ) -> Result<Version, Error> {
        self.write(item, Condition::IfUnchanged(version))
    }

    /// An item that is not there is no error.
    pub fn delete<'k>(&self, key: impl Into<Key<'k>>) -> Result<(), Error> {
        store::delete(self.name, &wire_key(key.into()), None)?;
        Ok(())
    }

    /// Fails with [`CONFLICT`] if the item is not there or has another version.
    pub fn delete_if_unchanged<'k>(
        &self,
        key: impl Into<Key<'k>>,
        version: &Version,
    ) -> Result<(), Error> {
        store::delete(self.name, &wire_key(key.into()), Some(&version.0))?;
        Ok(())
    }

    /// The items of one partition, in the order of their sort keys.
    pub fn query(&self, partition: &'a str) -> Query<'a> {
        Query::new(*self, None, partition)
    }

    /// An index that the manifest declares.
    pub fn index(&self, name: &'a str) -> Index<'a> {
        Index::new(*self, name)
    }

    fn write(&self, item: &impl Serialize, condition: Condition<'_>) -> Result<Version, Error> {
        let json = self.json(item)?;
        let (condition, unchanged) = condition.on_the_wire();
        Ok(Version(store::put(self.name, &json, condition, unchanged)?))
    }

    fn json(&self, item: &impl Serialize) -> Result<String, Error> {
        serde_json::to_string(item).map_err(|cause| self.bad_item(&cause))
    }

    fn typed<T: DeserializeOwned>(&self, item: &store::Item) -> Result<Item<T>, Error> {
        let mut json = serde_json::Deserializer::from_str(&item.json);
        let value =
            serde_path_to_error::deserialize(&mut json).map_err(|cause| self.bad_item(&cause))?;
        Ok(Item {
            value,
            version: Version(item.version.clone()),
        })
    }

    fn bad_item(&self, cause: &dyn std::fmt::Display) -> Error {
        Error::new("bad-item", format!("an item of {}: {cause}", self.name))
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(partition: &'a str) -> Self {
        Self {
            partition,
            sort: None,
        }
    }
}

impl<'a> From<(&'a str, &'a str)> for Key<'a> {
    fn from((partition, sort): (&'a str, &'a str)) -> Self {
        Self {
            partition,
            sort: Some(sort),
        }
    }
}

fn wire_key(key: Key<'_>) -> store::Key {
    store::Key {
        partition: key.partition.to_owned(),
        sort: key.sort.map(ToOwned::to_owned),
    }
}
