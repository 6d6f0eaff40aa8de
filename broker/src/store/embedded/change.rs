//! One write inside a transaction: the item, its entries in indexes and its end together.

use std::sync::Arc;

use redb::{ReadableTable, Table, WriteTransaction};

use super::encoding;
use super::file::{Catalog, ENDS, ENTRIES, ITEMS, Layout, NEVER, Row};
use crate::store::item::Members;
use crate::store::table::Key;
use crate::store::{Condition, StoreError};

/// Expired items taken out per transaction: more than one, so that the file shrinks again, and
/// few, so that no write waits long for others' leavings.
const SWEPT_PER_COMMIT: usize = 64;

/// An item that is ready to be written to the table as it was laid out, if the condition holds.
pub(super) struct Prepared {
    pub(super) layout: Arc<Layout>,
    json: String,
    condition: Condition,
    key: Vec<u8>,
    entries: Vec<Vec<u8>>,
    end: u64,
}

impl Prepared {
    /// # Errors
    /// The item is none for this table.
    pub(super) fn new(
        layout: Arc<Layout>,
        json: String,
        condition: Condition,
    ) -> Result<Self, StoreError> {
        let members = Members::parse(&json)?;
        let key = encoding::item(layout.id, &members.key(&layout.table)?);
        let entries = entries(&layout, &members, &key)?;
        let end = members.end(&layout.table).unwrap_or(NEVER);
        Ok(Self {
            layout,
            json,
            condition,
            key,
            entries,
            end,
        })
    }

    /// The same for a table that was laid out anew meanwhile.
    pub(super) fn again(&self, layout: Arc<Layout>) -> Result<Self, StoreError> {
        Self::new(layout, self.json.clone(), self.condition.clone())
    }

    /// KiB that it holds while it waits, roughly.
    pub(super) fn room(&self) -> u32 {
        u32::try_from(self.json.len() >> 10).map_or(u32::MAX, |kib| kib + 1)
    }
}

fn entries(
    layout: &Layout,
    members: &Members<'_>,
    item: &[u8],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let indexes = layout.table.indexes.iter().zip(&layout.index_ids);
    let entries = indexes.map(|(index, id)| {
        let key = members.index_key(index)?;
        Ok(key.map(|key| encoding::entry(*id, &key, item)))
    });
    entries.filter_map(Result::transpose).collect()
}

/// The outcome for whoever asked, unless the disk failed and nothing at all was written.
pub(super) type Applied<T> = Result<Result<T, StoreError>, redb::Error>;

/// The tables of one transaction.
pub(super) struct Open<'t> {
    pub(super) items: Table<'t, &'static [u8], Row<'static>>,
    pub(super) entries: Table<'t, &'static [u8], ()>,
    pub(super) ends: Table<'t, (u64, &'static [u8]), ()>,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// What was there before a write.
struct Old {
    version: u64,
    end: u64,
    /// Read only where the table has indexes.
    json: Option<String>,
}

impl<'t> Open<'t> {
    pub(super) fn new(write: &'t WriteTransaction, now: u64) -> Result<Self, redb::Error> {
        Ok(Self {
            items: write.open_table(ITEMS)?,
            entries: write.open_table(ENTRIES)?,
            ends: write.open_table(ENDS)?,
            now,
        })
    }

    pub(super) fn put(&mut self, item: &Prepared, version: u64) -> Applied<()> {
        let old = self.old(&item.layout, &item.key)?;
        let live = old.as_ref().filter(|old| old.end > self.now);
        let holds = match &item.condition {
            Condition::Always => true,
            Condition::IfAbsent => live.is_none(),
            Condition::IfUnchanged(version) => live.is_some_and(|old| old.has(version)),
        };
        if !holds {
            return Ok(Err(StoreError::Conflict));
        }
        let key = item.key.as_slice();
        if let Some(old) = &old {
            for entry in stale(&item.layout, old, key) {
                if !item.entries.contains(&entry) {
                    self.entries.remove(entry.as_slice())?;
                }
            }
            if old.end != NEVER && old.end != item.end {
                self.ends.remove((old.end, key))?;
            }
        }
        self.items
            .insert(key, (version, item.end, item.json.as_str()))?;
        for entry in &item.entries {
            self.entries.insert(entry.as_slice(), ())?;
        }
        if item.end != NEVER {
            self.ends.insert((item.end, key), ())?;
        }
        Ok(Ok(()))
    }

    pub(super) fn delete(
        &mut self,
        layout: &Layout,
        key: &Key,
        unchanged: Option<&str>,
    ) -> Applied<()> {
        let key = encoding::item(layout.id, key);
        let old = self.old(layout, &key)?;
        let live = old.as_ref().filter(|old| old.end > self.now);
        if unchanged.is_some_and(|version| !live.is_some_and(|old| old.has(version))) {
            return Ok(Err(StoreError::Conflict));
        }
        if let Some(old) = &old {
            self.take_out(layout, &key, old)?;
        }
        Ok(Ok(()))
    }

    /// Takes out some of the items that have ended. Answers how many.
    pub(super) fn sweep(&mut self, catalog: &Catalog) -> Result<u64, redb::Error> {
        let mut ended = Vec::new();
        let until = self.now.saturating_add(1);
        let due = self.ends.range(..(until, [].as_slice()))?;
        for entry in due.take(SWEPT_PER_COMMIT) {
            let entry = entry?.0;
            let (end, key) = entry.value();
            ended.push((end, key.to_owned()));
        }
        for (end, key) in &ended {
            let id = key.first_chunk().map(|id| u32::from_be_bytes(*id));
            let layout = catalog.values().find(|layout| Some(layout.id) == id);
            if let Some(layout) = layout
                && let Some(old) = self.old(layout, key)?
            {
                self.take_out(layout, key, &old)?;
            }
            self.ends.remove((*end, key.as_slice()))?;
        }
        Ok(ended.len() as u64)
    }

    fn take_out(&mut self, layout: &Layout, key: &[u8], old: &Old) -> Result<(), redb::Error> {
        for entry in stale(layout, old, key) {
            self.entries.remove(entry.as_slice())?;
        }
        if old.end != NEVER {
            self.ends.remove((old.end, key))?;
        }
        self.items.remove(key)?;
        Ok(())
    }

    fn old(&self, layout: &Layout, key: &[u8]) -> Result<Option<Old>, redb::Error> {
        let found = self.items.get(key)?;
        Ok(found.map(|row| {
            let (version, end, json) = row.value();
            let json = (!layout.index_ids.is_empty()).then(|| json.to_owned());
            Old { version, end, json }
        }))
    }
}

impl Old {
    fn has(&self, version: &str) -> bool {
        self.version.to_string() == version
    }
}

/// The entries of an item that is in the file.
fn stale(layout: &Layout, old: &Old, key: &[u8]) -> Vec<Vec<u8>> {
    let Some(json) = &old.json else {
        return Vec::new();
    };
    let members = Members::parse(json);
    let mut found = Vec::new();
    for (index, id) in layout.table.indexes.iter().zip(&layout.index_ids) {
        // One that never fitted the index has no entry.
        if let Ok(members) = &members
            && let Ok(Some(index_key)) = members.index_key(index)
        {
            found.push(encoding::entry(*id, &index_key, key));
        }
    }
    found
}
