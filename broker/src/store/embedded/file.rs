//! What is in the file, and opening it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition,
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::private_file;
use crate::store::table::Table;
use crate::store::{StoreError, StoreStartError};

/// An item by its key: version, the second from which on it is gone, JSON.
pub(super) type Row<'a> = (u64, u64, &'a str);

pub(super) const ITEMS: TableDefinition<'_, &[u8], Row<'_>> = TableDefinition::new("items");
/// Entries of indexes.
pub(super) const ENTRIES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("entries");
/// Ends of items that have one, in their order, so that expired items are found without a scan.
pub(super) const ENDS: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("ends");
/// A [`Layout`] as JSON by the name of its table.
pub(super) const TABLES: TableDefinition<'_, &str, &str> = TableDefinition::new("tables");
/// Counters, by name: no version and no id is ever given twice.
pub(super) const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
pub(super) const VERSIONS: &str = "versions";
pub(super) const IDS: &str = "ids";

/// The end of an item that has none.
pub(super) const NEVER: u64 = u64::MAX;

/// redb's own default is 1 GiB; this holds the keys and the latest items of a busy node.
const CACHE_BYTES: usize = 64 << 20;

/// A table as it lies in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) id: u32,
    pub(super) table: Table,
    /// In the order of the table's indexes.
    pub(super) index_ids: Vec<u32>,
}

/// By name.
pub(super) type Catalog = FxHashMap<String, Arc<Layout>>;

/// What the writer and the readers share.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// `None` after the disk has failed, until it could be opened again.
    database: ArcSwapOption<Database>,
    pub(super) catalog: ArcSwap<Catalog>,
}

impl File {
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreStartError> {
        let broken = |reason: String| StoreStartError::Embedded {
            path: path.display().to_string(),
            reason,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| broken(error.to_string()))?;
        }
        let database = open(&path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreStartError::InUse {
                path: path.display().to_string(),
            },
            other => broken(other.to_string()),
        })?;
        make_tables(&database).map_err(|error| broken(error.to_string()))?;
        let catalog = catalog(&database).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            path,
            database: ArcSwapOption::from_pointee(database),
            catalog: ArcSwap::from_pointee(catalog),
        })
    }

    pub(super) fn database(&self) -> Result<Arc<Database>, StoreError> {
        let unavailable = || StoreError::Unavailable("the disk of the store has failed".into());
        self.database.load_full().ok_or_else(unavailable)
    }

    pub(super) fn layout(&self, table: &str) -> Result<Arc<Layout>, StoreError> {
        let found = self.catalog.load().get(table).cloned();
        found.ok_or_else(|| StoreError::UnknownTable(table.to_owned()))
    }

    /// Waits for the reads under way. Blocking.
    pub(super) fn close(&self) {
        if let Some(mut database) = self.database.swap(None) {
            while let Err(in_use) = Arc::try_unwrap(database) {
                database = in_use;
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }

    /// Opens it anew: after an error of the disk redb takes no more writes. Waits for the reads
    /// under way. Blocking.
    pub(super) fn reopen(&self) -> Result<(), DatabaseError> {
        self.close();
        let database = open(&self.path)?;
        self.database.store(Some(Arc::new(database)));
        Ok(())
    }
}

/// A file that was not closed is repaired first: all of it is read.
fn open(path: &Path) -> Result<Database, DatabaseError> {
    let file = private_file::open(path).map_err(StorageError::Io)?;
    let shown = path.display().to_string();
    let told = AtomicU8::new(0);
    Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_repair_callback(move |session| {
            // The first word at once, then at each tenth.
            let tenth = (session.progress() * 10.0) as u8 + 1;
            if told.swap(tenth, Ordering::Relaxed) != tenth {
                let percent = (session.progress() * 100.0) as u8;
                tracing::info!(path = %shown, percent, "the store was not closed, checking it");
            }
        })
        .create_with_backend(FileBackend::new(file)?)
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(ITEMS)?;
    write.open_table(ENTRIES)?;
    write.open_table(ENDS)?;
    write.open_table(TABLES)?;
    write.open_table(NUMBERS)?;
    write.commit()?;
    Ok(())
}

fn catalog(database: &Database) -> Result<Catalog, redb::Error> {
    let read = database.begin_read()?;
    let mut catalog = Catalog::default();
    for entry in read.open_table(TABLES)?.iter()? {
        let (name, json) = entry?;
        let layout: Layout = serde_json::from_str(json.value())
            .map_err(|error| redb::Error::Corrupted(format!("table {}: {error}", name.value())))?;
        catalog.insert(name.value().to_owned(), Arc::new(layout));
    }
    Ok(catalog)
}

/// The number under `name` in a file just opened.
pub(super) fn number(database: &Database, name: &str) -> Result<u64, redb::Error> {
    let numbers = database.begin_read()?.open_table(NUMBERS)?;
    let found = numbers.get(name)?.map(|number| number.value());
    Ok(found.unwrap_or(0))
}
