//! Tables in memory that behave as `wit/deps/store/store.wit` says.

mod query;

pub(super) use query::Range;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::double::store::{Item, Key};
use crate::Error;
use crate::store::CONFLICT;

const MOST_ITEM_BYTES: usize = 400 * 1024;
const MOST_PARTITION_BYTES: usize = 2048;
const MOST_SORT_BYTES: usize = 1024;

#[derive(Default)]
pub(super) struct Tables {
    tables: BTreeMap<String, Table>,
    /// Each write has a number, which is the item's version.
    writes: u64,
    /// None = as many items a page as were asked for.
    pub(super) page_items_max: Option<u32>,
}

/// A table as the manifest declares it.
#[derive(Deserialize)]
pub(super) struct Spec {
    name: String,
    partition: String,
    sort: Option<String>,
    expires: Option<String>,
    #[serde(default)]
    indexes: Vec<IndexSpec>,
}

#[derive(Deserialize)]
struct IndexSpec {
    name: String,
    partition: String,
    sort: Option<String>,
}

struct Table {
    spec: Spec,
    items: BTreeMap<Key, Stored>,
}

struct Stored {
    /// Byte for byte as it was put.
    json: String,
    object: Map<String, Value>,
    version: String,
}

impl Tables {
    pub(super) fn declare(&mut self, spec: Spec) {
        let items = match self.tables.remove(&spec.name) {
            Some(table) => table.items,
            None => BTreeMap::new(),
        };
        self.tables.insert(spec.name.clone(), Table { spec, items });
    }

    pub(super) fn get(&self, table: &str, key: &Key, now: f64) -> Result<Option<Item>, Error> {
        let table = self.table(table)?;
        table.spec.check(key)?;
        Ok(table.live(key, now).map(Stored::item))
    }

    /// The items of a table, in the order of their keys.
    pub(super) fn items(&self, table: &str, now: f64) -> Result<Vec<Value>, Error> {
        let table = self.table(table)?;
        let live = table.items.keys().filter_map(|key| table.live(key, now));
        Ok(live.map(|stored| stored.object.clone().into()).collect())
    }

    pub(super) fn put(
        &mut self,
        table: &str,
        json: &str,
        condition: u8,
        unchanged: &str,
        now: f64,
    ) -> Result<String, Error> {
        let held = self.table(table)?;
        let (key, object) = held.spec.item(json)?;
        let there = held.live(&key, now).map(|stored| stored.version.as_str());
        let holds = match condition {
            0 => true,
            1 => there.is_none(),
            2 => there == Some(unchanged),
            other => panic!("the host traps on the condition {other}"),
        };
        if !holds {
            return Err(conflict());
        }
        self.writes += 1;
        let version = self.writes.to_string();
        let stored = Stored {
            json: json.to_owned(),
            object,
            version: version.clone(),
        };
        self.table_mut(table)?.items.insert(key, stored);
        Ok(version)
    }

    /// Whether the text can be an item of the table.
    pub(super) fn check(&self, table: &str, json: &str) -> Result<(), Error> {
        self.table(table)?.spec.item(json).map(drop)
    }

    pub(super) fn delete(
        &mut self,
        table: &str,
        key: &Key,
        unchanged: Option<&str>,
        now: f64,
    ) -> Result<(), Error> {
        let table = self.table_mut(table)?;
        table.spec.check(key)?;
        let there = table.live(key, now).map(|stored| stored.version.as_str());
        if unchanged.is_some() && there != unchanged {
            return Err(conflict());
        }
        table.items.remove(key);
        Ok(())
    }

    fn table(&self, name: &str) -> Result<&Table, Error> {
        self.tables.get(name).ok_or_else(|| unknown_table(name))
    }

    fn table_mut(&mut self, name: &str) -> Result<&mut Table, Error> {
        self.tables.get_mut(name).ok_or_else(|| unknown_table(name))
    }
}

impl Table {
    fn live(&self, key: &Key, now: f64) -> Option<&Stored> {
        let stored = self.items.get(key)?;
        let expires = self.spec.expires.as_ref();
        let expires = expires.and_then(|member| stored.object.get(member)?.as_f64());
        expires
            .is_none_or(|expires| expires > now)
            .then_some(stored)
    }
}

impl Stored {
    fn item(&self) -> Item {
        Item {
            json: self.json.clone(),
            version: self.version.clone(),
        }
    }
}

impl Spec {
    fn item(&self, json: &str) -> Result<(Key, Map<String, Value>), Error> {
        if json.len() > MOST_ITEM_BYTES {
            return Err(Error::new("too-large", "the item has more than 400 KB"));
        }
        let object = serde_json::from_str(json)
            .map_err(|cause| Error::new("bad-item", format!("the item: {cause}")))?;
        Ok((self.key_of(&object)?, object))
    }

    fn key_of(&self, object: &Map<String, Value>) -> Result<Key, Error> {
        let indexed = self
            .indexes
            .iter()
            .flat_map(|index| [Some(&index.partition), index.sort.as_ref()]);
        for member in indexed
            .flatten()
            .filter(|member| object.contains_key(*member))
        {
            text_of(object, member)?;
        }
        let key = Key {
            partition: text_of(object, &self.partition)?.to_owned(),
            sort: match &self.sort {
                Some(sort) => Some(text_of(object, sort)?.to_owned()),
                None => None,
            },
        };
        self.check(&key)?;
        Ok(key)
    }

    fn check(&self, key: &Key) -> Result<(), Error> {
        let fits = |text: &str, most: usize| !text.is_empty() && text.len() <= most;
        let sort_fits = match (&self.sort, &key.sort) {
            (None, None) => true,
            (Some(_), Some(sort)) => fits(sort, MOST_SORT_BYTES),
            _ => false,
        };
        if !sort_fits || !fits(&key.partition, MOST_PARTITION_BYTES) {
            let message = format!("{key:?} is no key of {}", self.name);
            return Err(Error::new("bad-key", message));
        }
        Ok(())
    }
}

fn text_of<'o>(object: &'o Map<String, Value>, member: &str) -> Result<&'o str, Error> {
    let text = object.get(member).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| Error::new("bad-item", format!("the key {member} is no text")))
}

fn conflict() -> Error {
    Error::new(CONFLICT, "the item is not as the condition wants it")
}

fn unknown_table(name: &str) -> Error {
    Error::new("unknown-table", format!("no table {name} is declared"))
}
