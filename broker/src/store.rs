//! Tables of items for plugins: a partition key, perhaps a sort key, perhaps indexes.
//!
//! | backend | what it is |
//! |---|---|
//! | `embedded` | one file of this node, committed in groups |
//! | `dynamodb` | Amazon DynamoDB, or a server that speaks as it does; one for all nodes |
//!
//! Both keep the same promises, which `tests/it/store_conformance.rs` holds them to: a write that
//! was answered is durable and is seen by every consistent read after it; conditions are checked
//! and items written in one step; of several writes to one key one after the other wins. Keys,
//! items, tables and cursors are checked here alike (`table`, `item`, `cursor`).

mod config;
mod counters;
mod cursor;
mod dynamodb;
mod embedded;
mod error;
mod item;
mod put;
mod query;
mod table;

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::runtime::Handle;

use counters::{Operation, counted};
use cursor::Asked;
use dynamodb::Dynamodb;
use embedded::Embedded;
use query::Query;

pub use config::{DEFAULT_QUEUE, DynamodbConfig, StoreBackend, StoreConfig};
pub use counters::describe_metrics;
pub use dynamodb::Creation;
pub use embedded::STORE_FILE;
pub use error::{Stopped, StoreError, StoreStartError};
pub use item::{ITEM_BYTES_MAX, VERSION_MEMBER};
pub use put::{Condition, PUTS_BYTES_MAX, PUTS_MAX, Put};
pub use query::{PAGE_BYTES_MAX, PAGE_ITEMS_MAX, Page, Range};
pub use table::{Index, Key, PARTITION_BYTES_MAX, SORT_BYTES_MAX, Table};

/// Keys of one [`Store::batch_get`].
pub const BATCH_KEYS_MAX: usize = 100;
/// JSON that one [`Store::batch_get`] answers.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// An item as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// JSON text, an object of at most [`ITEM_BYTES_MAX`] bytes. The order of its members, and
    /// space between them, may not be those that were put.
    pub json: String,
    /// Opaque; another after each put, never one that the key had before. Empty = the item was
    /// written by a program that gives none (DynamoDB alone).
    pub version: String,
}

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    pub table: String,
    /// Items, expired ones that are not yet taken out included.
    pub items: u64,
    /// Bytes of their JSON.
    pub bytes: u64,
    /// Entries by index.
    pub indexes: Vec<(String, u64)>,
}

/// Tables of plugins. Cheap to clone; its file is closed by [`Store::close`], or when the last clone is
/// dropped.
///
/// Every call may be dropped at any time; a write that was begun may be done all the same.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    backend: Backend,
    /// Table → the plugin that declared it.
    owners: Mutex<FxHashMap<String, String>>,
}

enum Backend {
    Embedded(Embedded),
    /// Its futures are boxed: the SDK's are tens of KiB, and the embedded store's would be as large.
    Dynamodb(Dynamodb),
}

impl Store {
    /// Opens the embedded store's file, or finds region and credentials for DynamoDB, which is not
    /// asked yet. Blocking: call it outside of the runtime `io`, which then carries what waits.
    ///
    /// # Errors
    /// The file cannot be opened, or no region is set.
    pub fn open(config: &StoreConfig, io: &Handle) -> Result<Self, StoreStartError> {
        let backend = match &config.backend {
            StoreBackend::Embedded { data } => {
                Backend::Embedded(Embedded::open(data, config.queue, io)?)
            }
            StoreBackend::Dynamodb(config) => {
                Backend::Dynamodb(io.block_on(Dynamodb::connect(config))?)
            }
        };
        Ok(Self(Arc::new(Inner {
            backend,
            owners: Mutex::default(),
        })))
    }

    /// Writes what waits and closes the embedded store's file; what is asked later is `unavailable`.
    /// Without it the next start has to check the whole file. Blocking.
    pub fn close(&self) {
        match &self.0.backend {
            Backend::Embedded(store) => store.close(),
            Backend::Dynamodb(_) => {}
        }
    }

    /// Takes the tables of a plugin, at each load of it; they may be used then. Makes them in the
    /// embedded store; in DynamoDB they must be there, unless it cannot be reached: then they are
    /// looked at at their first use. Tables that it declared before stay.
    ///
    /// # Errors
    /// `Mismatch`: a table is malformed, another plugin's, has other keys than the one that is
    /// there, or is missing (DynamoDB). None of `tables` is taken then.
    pub async fn declare(&self, plugin: &str, tables: &[Table]) -> Result<(), StoreError> {
        for table in tables {
            table.check().map_err(StoreError::Mismatch)?;
        }
        let claimed = self.claim(plugin, tables)?;
        let declared = match &self.0.backend {
            Backend::Embedded(store) => store.declare(tables).await,
            Backend::Dynamodb(store) => Box::pin(store.declare(tables)).await,
        };
        if declared.is_err() {
            let mut owners = self.0.owners.lock().unwrap_or_else(PoisonError::into_inner);
            owners.retain(|table, _| !claimed.contains(table));
        }
        declared
    }

    /// Answers the tables that were nobody's.
    fn claim(&self, plugin: &str, tables: &[Table]) -> Result<Vec<String>, StoreError> {
        let mut owners = self.0.owners.lock().unwrap_or_else(PoisonError::into_inner);
        for Table { name, .. } in tables {
            if let Some(owner) = owners.get(name).filter(|owner| *owner != plugin) {
                return Err(StoreError::Mismatch(format!(
                    "table `{name}` is declared by plugin `{owner}` and by `{plugin}`: a table \
                     belongs to one plugin"
                )));
            }
        }
        let names = tables.iter().map(|table| table.name.clone());
        let fresh: Vec<String> = names.filter(|name| !owners.contains_key(name)).collect();
        let claims = fresh.iter().map(|name| (name.clone(), plugin.to_owned()));
        owners.extend(claims);
        Ok(fresh)
    }

    /// `None` = it is not there, or has expired. `consistent`: what was written before is seen,
    /// whoever wrote it.
    ///
    /// # Errors
    /// `BadKey`, `UnknownTable`, `Throttled`, `Unavailable`.
    pub async fn get(
        &self,
        table: &str,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<Item>, StoreError> {
        counted(Operation::Get, async {
            match &self.0.backend {
                Backend::Embedded(store) => {
                    let found = store.get(table, std::slice::from_ref(key)).await?;
                    Ok(found.into_iter().next().flatten())
                }
                Backend::Dynamodb(store) => Box::pin(store.get(table, key, consistent)).await,
            }
        })
        .await
    }

    /// Items in the order of `keys`, of which there are at most [`BATCH_KEYS_MAX`]; no moment at
    /// which all of them were so is promised.
    ///
    /// # Errors
    /// As [`get`](Self::get), and `TooLarge`: too many keys, or items of more than
    /// [`BATCH_BYTES_MAX`].
    pub async fn batch_get(
        &self,
        table: &str,
        keys: &[Key],
        consistent: bool,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        counted(Operation::BatchGet, async {
            if keys.len() > BATCH_KEYS_MAX {
                let what = format!("{} keys, at most {BATCH_KEYS_MAX} are taken", keys.len());
                return Err(StoreError::TooLarge(what));
            }
            let found = match &self.0.backend {
                Backend::Embedded(store) => store.get(table, keys).await,
                Backend::Dynamodb(store) => {
                    Box::pin(store.batch_get(table, keys, consistent)).await
                }
            }?;
            let bytes: usize = found.iter().flatten().map(|item| item.json.len()).sum();
            if bytes > BATCH_BYTES_MAX {
                let what = format!("items of {bytes} bytes, at most {BATCH_BYTES_MAX} at once");
                return Err(StoreError::TooLarge(what));
            }
            Ok(found)
        })
        .await
    }

    /// Writes the whole item over the one that has its key. Answers its version; it is durable
    /// then.
    ///
    /// # Errors
    /// `Conflict`, `BadItem`, `BadKey`, `TooLarge`, `UnknownTable`, `Throttled`, `Unavailable`;
    /// after the last it may have been written.
    pub async fn put(
        &self,
        table: &str,
        json: &str,
        condition: Condition,
    ) -> Result<String, StoreError> {
        counted(Operation::Put, async {
            match &self.0.backend {
                Backend::Embedded(store) => store.put(table, json, condition).await,
                Backend::Dynamodb(store) => Box::pin(store.put(table, json, condition)).await,
            }
        })
        .await
    }

    /// Writes at most [`PUTS_MAX`] items, of [`PUTS_BYTES_MAX`] in all, one after the other, each as
    /// [`put`](Self::put) does, until one is not written: those before it stay. What can be seen to be
    /// no item of its table is refused before anything is written. The embedded store commits them
    /// together.
    ///
    /// # Errors
    /// As [`put`](Self::put), with the versions of the first items, which are written. After
    /// `Throttled` and `Unavailable` those behind them may be written too.
    pub async fn put_in_order(&self, puts: Vec<Put>) -> Result<Vec<String>, Stopped> {
        counted(Operation::PutInOrder, async {
            put::check(&puts)?;
            match &self.0.backend {
                Backend::Embedded(store) => store.put_in_order(puts).await,
                Backend::Dynamodb(store) => Box::pin(store.put_in_order(puts)).await,
            }
        })
        .await
    }

    /// Removes the item; one that is not there is no error, unless `unchanged` asks for its
    /// version.
    ///
    /// # Errors
    /// `Conflict`, `BadKey`, `UnknownTable`, `Throttled`, `Unavailable`; after the last it may be
    /// gone.
    pub async fn delete(
        &self,
        table: &str,
        key: &Key,
        unchanged: Option<&str>,
    ) -> Result<(), StoreError> {
        counted(Operation::Delete, async {
            match &self.0.backend {
                Backend::Embedded(store) => store.delete(table, key, unchanged).await,
                Backend::Dynamodb(store) => Box::pin(store.delete(table, key, unchanged)).await,
            }
        })
        .await
    }

    /// Items of one partition in the order of their sort keys (by bytes; by value where the key is
    /// a number in DynamoDB).
    ///
    /// # Errors
    /// `BadKey`, `BadCursor`, `UnknownTable`, `Throttled`, `Unavailable`.
    pub async fn query(
        &self,
        table: &str,
        partition: &str,
        range: &Range,
        consistent: bool,
    ) -> Result<Page, StoreError> {
        let work = self.page(table, None, partition, range, consistent);
        counted(Operation::Query, work).await
    }

    /// The same by the keys of an index. What was just written may be missing for a moment.
    ///
    /// # Errors
    /// As [`query`](Self::query), and `UnknownIndex`.
    pub async fn query_index(
        &self,
        table: &str,
        index: &str,
        partition: &str,
        range: &Range,
    ) -> Result<Page, StoreError> {
        let work = self.page(table, Some(index), partition, range, false);
        counted(Operation::QueryIndex, work).await
    }

    async fn page(
        &self,
        table: &str,
        index: Option<&str>,
        partition: &str,
        range: &Range,
        consistent: bool,
    ) -> Result<Page, StoreError> {
        let asked = Asked {
            table,
            index,
            partition,
            first: range.first.as_deref(),
            last: range.last.as_deref(),
            descending: range.descending,
        };
        let query = Query::checked(&asked, range, consistent)?;
        let (items, position) = match &self.0.backend {
            Backend::Embedded(store) => store.query(&query).await,
            Backend::Dynamodb(store) => Box::pin(store.query(&query)).await,
        }?;
        Ok(Page {
            items,
            cursor: position.map(|position| asked.cursor(&position)),
        })
    }

    /// Some of a table's items, in an order of the store's, and the key to go on after; `None` =
    /// these were the last ones. For exports: on a large table of DynamoDB it costs as much as
    /// reading it all.
    ///
    /// # Errors
    /// `UnknownTable`, `Throttled`, `Unavailable`.
    pub async fn scan(
        &self,
        table: &str,
        after: Option<&Key>,
    ) -> Result<(Vec<Item>, Option<Key>), StoreError> {
        match &self.0.backend {
            Backend::Embedded(store) => store.scan(table, after).await,
            Backend::Dynamodb(store) => Box::pin(store.scan(table, after)).await,
        }
    }

    /// The tables that are there: those in the embedded store's file, those declared for
    /// DynamoDB. By name.
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = match &self.0.backend {
            Backend::Embedded(store) => store.tables(),
            Backend::Dynamodb(store) => store.tables(),
        };
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables
    }

    /// What each of [`tables`](Self::tables) holds, by name. Counted item by item in the embedded
    /// store; in DynamoDB what it counted in the last hours.
    ///
    /// # Errors
    /// `Unavailable`, `Throttled`.
    pub async fn stats(&self) -> Result<Vec<TableStats>, StoreError> {
        let mut stats = match &self.0.backend {
            Backend::Embedded(store) => store.stats().await,
            Backend::Dynamodb(store) => Box::pin(store.stats()).await,
        }?;
        stats.sort_by(|a, b| a.table.cmp(&b.table));
        Ok(stats)
    }

    /// Makes those of `tables` that DynamoDB lacks, and waits until they serve; looks whether the
    /// others fit. `dry_run` = only says what it would do. The embedded store makes its tables
    /// when they are declared.
    ///
    /// # Errors
    /// `Mismatch`: one that is there does not fit. `Unavailable`, `Throttled`.
    pub async fn create_tables(
        &self,
        tables: &[Table],
        dry_run: bool,
    ) -> Result<Vec<Creation>, StoreError> {
        match &self.0.backend {
            Backend::Embedded(_) => Ok(Vec::new()),
            Backend::Dynamodb(store) => Box::pin(store.create_tables(tables, dry_run)).await,
        }
    }
}
