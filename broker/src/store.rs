//! STUB of the plugins' store: in memory, dropped when the real one is merged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    tables: BTreeMap<String, (String, Table)>,
    items: BTreeMap<(String, String, String), Item>,
    writes: u64,
}

#[derive(Clone, Debug, Default)]
pub struct StoreConfig {}

#[derive(Debug, thiserror::Error)]
#[error("the store does not start")]
pub struct StoreStartError;

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: String,
    pub partition: String,
    #[serde(default)]
    pub sort: Option<String>,
    #[serde(default)]
    pub indexes: Vec<Index>,
    #[serde(default)]
    pub expires: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    pub name: String,
    pub partition: String,
    #[serde(default)]
    pub sort: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub partition: String,
    pub sort: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub json: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    IfAbsent,
    IfUnchanged(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: Option<String>,
    pub last: Option<String>,
    pub descending: bool,
    pub limit: u32,
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Item>,
    pub cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("a condition does not hold")]
    Conflict,
    #[error("{0}")]
    BadItem(String),
    #[error("{0}")]
    BadKey(String),
    #[error("there is no table {0}")]
    UnknownTable(String),
    #[error("table {table} has no index {index}")]
    UnknownIndex { table: String, index: String },
    #[error("{0}")]
    Mismatch(String),
}

impl StoreError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::BadItem(_) => "bad-item",
            Self::BadKey(_) => "bad-key",
            Self::UnknownTable(_) => "unknown-table",
            Self::UnknownIndex { .. } => "unknown-index",
            Self::Mismatch(_) => "mismatch",
        }
    }

    pub fn retryable(&self) -> bool {
        false
    }
}

impl Store {
    pub fn open(_: &StoreConfig, _: &tokio::runtime::Handle) -> Result<Store, StoreStartError> {
        Ok(Self::default())
    }

    pub async fn declare(&self, plugin: &str, tables: &[Table]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        for table in tables {
            if let Some((owner, known)) = inner.tables.get(&table.name)
                && (owner != plugin || known.partition != table.partition)
            {
                return Err(StoreError::Mismatch(format!(
                    "table {} is another's or has other keys",
                    table.name
                )));
            }
            let declared = (plugin.to_owned(), table.clone());
            inner.tables.insert(table.name.clone(), declared);
        }
        Ok(())
    }

    pub async fn get(&self, table: &str, key: &Key, _: bool) -> Result<Option<Item>, StoreError> {
        let sort = key.sort.clone().unwrap_or_default();
        let place = (table.to_owned(), key.partition.clone(), sort);
        Ok(self.inner().items.get(&place).cloned())
    }

    pub async fn batch_get(
        &self,
        table: &str,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let mut found = Vec::new();
        for key in keys {
            found.push(self.get(table, key, consistent).await?);
        }
        Ok(found)
    }

    pub async fn put(
        &self,
        table: &str,
        json: &str,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let mut inner = self.inner();
        let (_, keys) = inner.tables.get(table).cloned().unwrap_or_else(unknown);
        let item: Value =
            serde_json::from_str(json).map_err(|error| StoreError::BadItem(error.to_string()))?;
        let member = |name: &str| {
            let text = item.get(name).and_then(Value::as_str);
            text.map(str::to_owned)
                .ok_or_else(|| StoreError::BadItem(format!("no {name}")))
        };
        let sort = keys.sort.as_deref().map_or(Ok(String::new()), member)?;
        let place = (table.to_owned(), member(&keys.partition)?, sort);
        let there = inner.items.get(&place).map(|item| item.version.clone());
        match (condition, there) {
            (Condition::Always, _) | (Condition::IfAbsent, None) => {}
            (Condition::IfUnchanged(wanted), Some(version)) if wanted == version => {}
            _ => return Err(StoreError::Conflict),
        }
        inner.writes += 1;
        let version = inner.writes.to_string();
        let item = Item {
            json: json.to_owned(),
            version: version.clone(),
        };
        inner.items.insert(place, item);
        Ok(version)
    }

    pub async fn delete(
        &self,
        table: &str,
        key: &Key,
        unchanged: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let sort = key.sort.clone().unwrap_or_default();
        let place = (table.to_owned(), key.partition.clone(), sort);
        let there = inner.items.get(&place).map(|item| item.version.as_str());
        if unchanged.is_some() && there != unchanged {
            return Err(StoreError::Conflict);
        }
        inner.items.remove(&place);
        Ok(())
    }

    pub async fn query(
        &self,
        table: &str,
        partition: &str,
        range: &Range,
        _: bool,
    ) -> Result<Page, StoreError> {
        let inner = self.inner();
        let items = inner.items.iter().filter(|((of, at, sort), _)| {
            of == table
                && at == partition
                && range.first.as_ref().is_none_or(|first| first <= sort)
                && range.last.as_ref().is_none_or(|last| sort <= last)
        });
        let items = items.map(|(_, item)| item.clone());
        let mut items: Vec<Item> = items.collect();
        if range.descending {
            items.reverse();
        }
        items.truncate(range.limit as usize);
        Ok(Page {
            items,
            cursor: None,
        })
    }

    pub async fn query_index(
        &self,
        table: &str,
        index: &str,
        partition: &str,
        range: &Range,
    ) -> Result<Page, StoreError> {
        let inner = self.inner();
        let (_, keys) = inner.tables.get(table).cloned().unwrap_or_else(unknown);
        let of = keys.indexes.iter().find(|known| known.name == index);
        let Some(of) = of else {
            return Err(StoreError::UnknownIndex {
                table: table.to_owned(),
                index: index.to_owned(),
            });
        };
        let items = inner.items.iter().filter(|((at, ..), item)| {
            let value: Value = serde_json::from_str(&item.json).unwrap_or_default();
            at == table && value[&of.partition] == partition
        });
        let items = items.map(|(_, item)| item.clone());
        Ok(Page {
            items: items.take(range.limit as usize).collect(),
            cursor: None,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown() -> (String, Table) {
    let table = Table {
        name: String::new(),
        partition: String::new(),
        sort: None,
        indexes: Vec::new(),
        expires: None,
    };
    (String::new(), table)
}
