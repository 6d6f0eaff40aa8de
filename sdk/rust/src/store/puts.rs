use serde::Serialize;

use super::{Condition, Table, Version};
use crate::{Error, host::store};

/// Items to be written one after the other, at most 16 of 1 MiB (as JSON) in all; see [`in_order`].
#[derive(Default)]
#[must_use = "nothing is written before `write`"]
pub struct Puts {
    writes: Vec<store::Write>,
}

/// Of several puts one was not done, nor those after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The versions of the items that are written: the first ones.
    pub written: Vec<Version>,
    /// Why the next one is not. After `throttled` and `unavailable` it, and those behind it, may be
    /// written all the same.
    pub error: Error,
}

/// Several items of one or more tables in one call, each as [`Table::put`] and its like do it, until
/// one is not written: those before it stay. What can be seen to be no item of its table is refused
/// before anything is written. On the embedded store that is one wait for the disk instead of one for
/// each.
///
/// ```
/// # use serde::Serialize;
/// use tidegate_plugin::store::{self, Stopped};
///
/// # #[derive(Serialize)]
/// # struct Order { id: String }
/// const ORDERS: store::Table<'_> = store::table("Orders");
/// const LATEST: store::Table<'_> = store::table("Latest");
///
/// fn save(order: &Order) -> Result<(), Stopped> {
///     store::in_order()
///         .put_if_absent(ORDERS, order)?
///         .put(LATEST, order)?
///         .write()?;
///     Ok(())
/// }
/// ```
pub fn in_order() -> Puts {
    Puts::default()
}

impl Puts {
    /// Whatever is there.
    pub fn put(self, table: Table<'_>, item: &impl Serialize) -> Result<Self, Error> {
        self.and(table, item, Condition::Always)
    }

    /// Stops with [`CONFLICT`](super::CONFLICT) if an item has this key.
    pub fn put_if_absent(self, table: Table<'_>, item: &impl Serialize) -> Result<Self, Error> {
        self.and(table, item, Condition::IfAbsent)
    }

    /// Stops with [`CONFLICT`](super::CONFLICT) if the item is not there or has another version.
    pub fn put_if_unchanged(
        self,
        table: Table<'_>,
        item: &impl Serialize,
        version: &Version,
    ) -> Result<Self, Error> {
        self.and(table, item, Condition::IfUnchanged(version))
    }

    /// Durable when it returns. The versions stand in the order of the items.
    pub fn write(self) -> Result<Vec<Version>, Stopped> {
        let written = store::put_in_order(&self.writes);
        let written = written.map_err(|it| stopped(it.written, it.error))?;
        Ok(versions(written))
    }

    fn and(
        mut self,
        table: Table<'_>,
        item: &impl Serialize,
        condition: Condition<'_>,
    ) -> Result<Self, Error> {
        let (condition, unchanged) = condition.on_the_wire();
        self.writes.push(store::Write {
            table: table.name.to_owned(),
            json: table.json(item)?,
            condition,
            unchanged: unchanged.to_owned(),
        });
        Ok(self)
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self {
            written: Vec::new(),
            error,
        }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        stopped.error
    }
}

/// The error is the generated one, or natively ours.
fn stopped(written: Vec<String>, error: impl Into<Error>) -> Stopped {
    Stopped {
        written: versions(written),
        error: error.into(),
    }
}

fn versions(versions: Vec<String>) -> Vec<Version> {
    versions.into_iter().map(Version).collect()
}
