//! Tables as they are declared against tables as they lie in the file.
//!
//! The first declaration after the start counts: what it leaves out is dropped. Later ones, of
//! reloads, only add, for the generation before may serve on or come back.

use std::ops::Bound;
use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};

use super::change::{Applied, Open};
use super::encoding::{self, Span};
use super::file::{Catalog, IDS, Layout, NEVER, NUMBERS, TABLES};
use super::writer::Writer;
use crate::store::StoreError;
use crate::store::item::Members;
use crate::store::table::{Index, Table};

/// Items looked at before what they give is written.
const CHUNK: usize = 1_000;

/// All or none of `tables`.
pub(super) fn declare(writer: &mut Writer, tables: &[Table]) -> Applied<()> {
    let write = writer.begin()?;
    let mut catalog: Catalog = writer.file().catalog.load().as_ref().clone();
    for table in tables {
        let settled = match catalog.get(&table.name) {
            None => Ok(Plan::fresh(table)),
            // An equal one keeps the ids of its indexes.
            Some(old) if *table != old.table && is_empty(&write, old.id)? => {
                Ok(Plan::emptied(table, old))
            }
            Some(old) => Plan::changed(table, old, writer.is_declared(&table.name)),
        };
        let plan = match settled {
            Ok(plan) => plan,
            Err(error) => {
                write.abort()?;
                return Ok(Err(error));
            }
        };
        let layout = plan.carry_out(&write)?;
        catalog.insert(table.name.clone(), Arc::new(layout));
    }
    write.commit()?;
    writer.file().catalog.store(Arc::new(catalog));
    writer.set_declared(tables);
    Ok(Ok(()))
}

/// What becomes of a table.
struct Plan {
    /// `None` = it gets one.
    id: Option<u32>,
    table: Table,
    /// In the order of the table's indexes; `None` = to be built, under a new id.
    index_ids: Vec<Option<u32>>,
    dropped: Vec<u32>,
    /// Whether ends must be looked for anew.
    ends: bool,
    is_changed: bool,
}

impl Plan {
    fn fresh(table: &Table) -> Self {
        Self {
            id: None,
            table: table.clone(),
            index_ids: vec![None; table.indexes.len()],
            dropped: Vec::new(),
            ends: false,
            is_changed: true,
        }
    }

    /// A table without items can become any other.
    fn emptied(table: &Table, old: &Layout) -> Self {
        Self {
            id: Some(old.id),
            ..Self::fresh(table)
        }
    }

    fn changed(table: &Table, old: &Layout, is_declared: bool) -> Result<Self, StoreError> {
        let name = &table.name;
        if (&table.partition, &table.sort) != (&old.table.partition, &old.table.sort) {
            return Err(StoreError::Mismatch(format!(
                "table `{name}` is declared with {}, but the store has it with {}: give it \
                 another name, or move its items by `tidegate store export` and `import`",
                table.shown_keys(),
                old.table.shown_keys()
            )));
        }
        let mut plan = Self {
            id: Some(old.id),
            table: table.clone(),
            index_ids: Vec::new(),
            dropped: Vec::new(),
            ends: table.expires != old.table.expires,
            is_changed: *table != old.table,
        };
        let olds = || old.table.indexes.iter().zip(&old.index_ids);
        for index in &table.indexes {
            let known = olds().find(|(old, _)| old.name == index.name);
            plan.index_ids.push(match known {
                Some((old, id)) if old.has_keys_of(index) => Some(*id),
                Some((old, _)) if is_declared => {
                    return Err(StoreError::Mismatch(format!(
                        "index `{}` of table `{name}` is declared with {}, but is in use with \
                         {}: give it another name, or restart the broker",
                        index.name,
                        index.shown_keys(),
                        old.shown_keys()
                    )));
                }
                _ => None,
            });
        }
        for (index, id) in olds() {
            let is_kept = plan.index_ids.contains(&Some(*id));
            if !is_kept && is_declared {
                plan.table.indexes.push(index.clone());
                plan.index_ids.push(Some(*id));
            } else if !is_kept {
                plan.dropped.push(*id);
            }
        }
        plan.is_changed |= plan.table != old.table;
        Ok(plan)
    }

    fn carry_out(self, write: &WriteTransaction) -> Result<Layout, redb::Error> {
        let id = self.id.map_or_else(|| next_id(write), Ok)?;
        let mut built = Vec::new();
        let mut index_ids = Vec::new();
        for (index, known) in self.table.indexes.iter().zip(&self.index_ids) {
            let index_id = known.map_or_else(|| next_id(write), Ok)?;
            if known.is_none() {
                built.push((index, index_id));
            }
            index_ids.push(index_id);
        }
        let mut open = Open::new(write, 0)?;
        for dropped in self.dropped {
            let Span { from, to } = encoding::all(dropped);
            open.entries
                .retain_in(from.as_slice()..to.as_slice(), |_, ()| false)?;
        }
        if !built.is_empty() || self.ends {
            rebuild(&mut open, id, &self.table, &built)?;
        }
        drop(open);
        let layout = Layout {
            id,
            table: self.table,
            index_ids,
        };
        if self.is_changed {
            let json = serde_json::to_string(&layout)
                .map_err(|error| redb::Error::Corrupted(error.to_string()))?;
            let mut tables = write.open_table(TABLES)?;
            tables.insert(layout.table.name.as_str(), json.as_str())?;
        }
        Ok(layout)
    }
}

fn is_empty(write: &WriteTransaction, table: u32) -> Result<bool, redb::Error> {
    let Span { from, to } = encoding::all(table);
    let items = write.open_table(super::file::ITEMS)?;
    let mut found = items.range(from.as_slice()..to.as_slice())?;
    Ok(found.next().is_none())
}

fn next_id(write: &WriteTransaction) -> Result<u32, redb::Error> {
    let mut numbers = write.open_table(NUMBERS)?;
    let last = numbers.get(IDS)?.map_or(0, |number| number.value());
    let next = u32::try_from(last + 1)
        .map_err(|_| redb::Error::Corrupted("all ids of tables are used up".into()))?;
    numbers.insert(IDS, u64::from(next))?;
    Ok(next)
}

/// Looks at all items: puts them into the indexes `built`, and their ends in order.
fn rebuild(
    open: &mut Open<'_>,
    id: u32,
    table: &Table,
    built: &[(&Index, u32)],
) -> Result<(), redb::Error> {
    let Span { from, to } = encoding::all(id);
    let mut from = Bound::Included(from);
    let mut unfit = 0_u64;
    loop {
        let lower = from.as_ref().map(Vec::as_slice);
        let mut chunk = Vec::with_capacity(CHUNK);
        for row in open
            .items
            .range::<&[u8]>((lower, Bound::Excluded(to.as_slice())))?
            .take(CHUNK)
        {
            let (key, row) = row?;
            let (version, end, json) = row.value();
            chunk.push((key.value().to_owned(), version, end, json.to_owned()));
        }
        let Some((last, ..)) = chunk.last() else {
            break;
        };
        from = Bound::Excluded(last.clone());
        for (key, version, old_end, json) in &chunk {
            let Ok(members) = Members::parse(json) else {
                continue;
            };
            for (index, index_id) in built {
                match members.index_key(index) {
                    Ok(Some(index_key)) => {
                        let entry = encoding::entry(*index_id, &index_key, key);
                        open.entries.insert(entry.as_slice(), ())?;
                    }
                    Ok(None) => {}
                    Err(_) => unfit += 1,
                }
            }
            let end = members.end(table).unwrap_or(NEVER);
            if end != *old_end {
                let key = key.as_slice();
                open.ends.remove((*old_end, key))?;
                if end != NEVER {
                    open.ends.insert((end, key), ())?;
                }
                open.items.insert(key, (*version, end, json.as_str()))?;
            }
        }
    }
    if unfit > 0 {
        tracing::warn!(
            table = table.name,
            unfit,
            "items are not in a new index: its key is there, but no string"
        );
    }
    Ok(())
}
