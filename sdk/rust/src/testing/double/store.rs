use super::change;
use crate::Error;
use crate::testing::fault::watched;
use crate::testing::tables::{Range, Tables};

/// Of one `put-in-order`.
const MOST_PUTS: usize = 16;
const MOST_PUTS_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) json: String,
    pub(crate) version: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) partition: String,
    pub(crate) sort: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) cursor: Option<String>,
}

pub(crate) struct Write {
    pub(crate) table: String,
    pub(crate) json: String,
    pub(crate) condition: u8,
    pub(crate) unchanged: String,
}

#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) written: Vec<String>,
    pub(crate) error: Error,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self {
            written: Vec::new(),
            error,
        }
    }
}

pub(crate) fn get(table: &str, key: &Key, _consistent: bool) -> Result<Option<Item>, Error> {
    with_tables("store.get", table, |tables, now| {
        tables.get(table, key, now)
    })
}

pub(crate) fn batch_get(
    table: &str,
    keys: &[Key],
    _consistent: bool,
) -> Result<Vec<Option<Item>>, Error> {
    with_tables("store.batch-get", table, |tables, now| {
        if keys.len() > 100 {
            return Err(Error::new("bad-key", "more than 100 keys"));
        }
        keys.iter().map(|key| tables.get(table, key, now)).collect()
    })
}

pub(crate) fn put(
    table: &str,
    json: &str,
    condition: u8,
    unchanged: &str,
) -> Result<String, Error> {
    with_tables("store.put", table, |tables, now| {
        tables.put(table, json, condition, unchanged, now)
    })
}

/// As DynamoDB has it: each is a put, which may fail by itself.
pub(crate) fn put_in_order(writes: &[Write]) -> Result<Vec<String>, Stopped> {
    let target = writes.first().map_or("", |first| &first.table);
    watched("store.put-in-order", target, || put_each(writes))
}

fn put_each(writes: &[Write]) -> Result<Vec<String>, Stopped> {
    let bytes: usize = writes.iter().map(|write| write.json.len()).sum();
    if writes.len() > MOST_PUTS || bytes > MOST_PUTS_BYTES {
        let most = format!("at most {MOST_PUTS} items of {MOST_PUTS_BYTES} bytes");
        return Err(Error::new("too-large", most).into());
    }
    change(|double| {
        let mut writes = writes.iter();
        writes.try_for_each(|write| double.tables.check(&write.table, &write.json))
    })?;
    let mut written = Vec::with_capacity(writes.len());
    for Write {
        table,
        json,
        condition,
        unchanged,
    } in writes
    {
        match put(table, json, *condition, unchanged) {
            Ok(version) => written.push(version),
            Err(error) => return Err(Stopped { written, error }),
        }
    }
    Ok(written)
}

pub(crate) fn delete(table: &str, key: &Key, unchanged: Option<&str>) -> Result<(), Error> {
    with_tables("store.delete", table, |tables, now| {
        tables.delete(table, key, unchanged, now)
    })
}

#[expect(clippy::too_many_arguments, reason = "the generated function's")]
pub(crate) fn query(
    table: &str,
    partition: &str,
    first: Option<&str>,
    last: Option<&str>,
    descending: bool,
    limit: u32,
    cursor: Option<&str>,
    _consistent: bool,
) -> Result<Page, Error> {
    let range = Range {
        partition,
        first,
        last,
        descending,
        limit,
        cursor,
    };
    with_tables("store.query", table, |tables, now| {
        tables.query(table, None, &range, now)
    })
}

#[expect(clippy::too_many_arguments, reason = "the generated function's")]
pub(crate) fn query_index(
    table: &str,
    index: &str,
    partition: &str,
    first: Option<&str>,
    last: Option<&str>,
    descending: bool,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Page, Error> {
    let range = Range {
        partition,
        first,
        last,
        descending,
        limit,
        cursor,
    };
    with_tables("store.query-index", table, |tables, now| {
        tables.query(table, Some(index), &range, now)
    })
}

/// `act` gets the seconds since 1970 too.
fn with_tables<R>(
    name: &'static str,
    table: &str,
    act: impl FnOnce(&mut Tables, f64) -> Result<R, Error>,
) -> Result<R, Error> {
    watched(name, table, || {
        change(|double| {
            let now = double.now().as_secs_f64();
            act(&mut double.tables, now)
        })
    })
}
