//! Reads beside the writer: each sees the last commit that was there when it began.

use std::ops::Bound;

use redb::{Database, ReadTransaction, ReadableDatabase};

use super::encoding::{self, Span};
use super::file::{ENTRIES, ITEMS, Layout};
use crate::store::item::now;
use crate::store::table::Key;
use crate::store::{Item, PAGE_BYTES_MAX, TableStats};

/// Items that a page may pass over because they have expired, beside its limit: more of them make
/// it end early.
const PASSED_OVER_MAX: usize = 256;

/// Which items, in which order.
pub(super) struct Scan {
    pub(super) span: Span,
    /// Of an index's entries, not of items.
    pub(super) by_entries: bool,
    pub(super) descending: bool,
    /// The key that the page before ended with.
    pub(super) after: Option<Vec<u8>>,
    pub(super) limit: usize,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    /// The JSON of the last item that was looked at, if there are more.
    pub(super) more_after: Option<String>,
}

pub(super) fn get(
    database: &Database,
    layout: &Layout,
    keys: &[Key],
) -> Result<Vec<Option<Item>>, redb::Error> {
    let items = database.begin_read()?.open_table(ITEMS)?;
    let now = now();
    let found = keys.iter().map(|key| {
        let row = items.get(encoding::item(layout.id, key).as_slice())?;
        Ok(row.and_then(|row| {
            let (version, end, json) = row.value();
            (end > now).then(|| item(version, json))
        }))
    });
    found.collect()
}

pub(super) fn page(database: &Database, scan: &Scan) -> Result<Found, redb::Error> {
    let read = database.begin_read()?;
    let rows = rows(&read, scan)?;
    let now = now();
    let mut found = Found::default();
    let (mut bytes, mut passed_over, mut last_passed) = (0, 0, None);
    for row in rows {
        let (version, end, json) = row?;
        let is_over = bytes + json.len() > PAGE_BYTES_MAX && !found.items.is_empty();
        if found.items.len() == scan.limit || passed_over == PASSED_OVER_MAX || is_over {
            let last = found.items.last().map(|item| item.json.clone());
            found.more_after = last_passed.or(last);
            break;
        }
        if end <= now {
            passed_over += 1;
            last_passed = Some(json);
            continue;
        }
        bytes += json.len();
        last_passed = None;
        found.items.push(Item {
            json,
            version: version.to_string(),
        });
    }
    Ok(found)
}

type Rows = Box<dyn Iterator<Item = Result<(u64, u64, String), redb::Error>>>;

fn rows(read: &ReadTransaction, scan: &Scan) -> Result<Rows, redb::Error> {
    let Span { from, to } = &scan.span;
    let after = scan.after.as_deref().map(Bound::Excluded);
    let inside = (
        Bound::Included(from.as_slice()),
        Bound::Excluded(to.as_slice()),
    );
    let bounds = match (after, scan.descending) {
        (None, _) => inside,
        (Some(after), false) => (after, inside.1),
        (Some(after), true) => (inside.0, after),
    };
    let items = read.open_table(ITEMS)?;
    if !scan.by_entries {
        let rows = items.range::<&[u8]>(bounds)?;
        let rows = directed(rows, scan.descending).map(|row| {
            let (_, row) = row?;
            let (version, end, json) = row.value();
            Ok((version, end, json.to_owned()))
        });
        return Ok(Box::new(rows));
    }
    let entries = read.open_table(ENTRIES)?.range::<&[u8]>(bounds)?;
    let rows = directed(entries, scan.descending).filter_map(move |entry| {
        let row = entry.and_then(|(entry, _)| items.get(encoding::item_of(entry.value())));
        let row = row.transpose()?.map_err(redb::Error::from);
        Some(row.map(|row| {
            let (version, end, json) = row.value();
            (version, end, json.to_owned())
        }))
    });
    Ok(Box::new(rows))
}

fn directed<T: 'static>(
    rows: impl DoubleEndedIterator<Item = T> + 'static,
    descending: bool,
) -> Box<dyn Iterator<Item = T>> {
    if descending {
        Box::new(rows.rev())
    } else {
        Box::new(rows)
    }
}

pub(super) fn stats(database: &Database, layout: &Layout) -> Result<TableStats, redb::Error> {
    let read = database.begin_read()?;
    let (items, entries) = (read.open_table(ITEMS)?, read.open_table(ENTRIES)?);
    let mut stats = TableStats {
        table: layout.table.name.clone(),
        ..TableStats::default()
    };
    let Span { from, to } = encoding::all(layout.id);
    for row in items.range(from.as_slice()..to.as_slice())? {
        stats.items += 1;
        stats.bytes += row?.1.value().2.len() as u64;
    }
    for (index, id) in layout.table.indexes.iter().zip(&layout.index_ids) {
        let Span { from, to } = encoding::all(*id);
        let count = entries.range(from.as_slice()..to.as_slice())?.count();
        stats.indexes.push((index.name.clone(), count as u64));
    }
    Ok(stats)
}

fn item(version: u64, json: &str) -> Item {
    Item {
        json: json.to_owned(),
        version: version.to_string(),
    }
}
