//! The store of one node, in one file: durable when it answers, safe on `kill -9`.
//!
//! One thread writes (`writer`): whatever waits becomes one transaction and one wait for the disk.
//! Reads run beside it on the blocking threads of the I/O runtime, each on the last commit. What
//! waits is bounded in number and bytes on both sides; more is `throttled`.

mod change;
mod declare;
mod encoding;
mod file;
mod read;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwapOption;
use redb::Database;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::cursor::Position;
use super::item::Members;
use super::table::{Key, Table};
use super::{Condition, Item, Put, Query, Stopped, StoreError, StoreStartError, TableStats};
use change::Prepared;
use file::{File, Layout};
use read::{Found, Scan};
use writer::{Answer, Change, Write, Writer};

/// The file in the data folder.
pub const STORE_FILE: &str = "store.redb";

/// What waiting writes may hold, in KiB.
const ROOM_KIB: usize = 64 << 10;
/// Reads beside each other; more than the cores of a small machine, for some wait for the disk.
const READERS: usize = 8;
/// Items of one step of an export.
const SCAN_ITEMS: usize = 1_000;

pub(super) struct Embedded {
    file: Arc<File>,
    io: Handle,
    /// `None` once it is being closed.
    queue: ArcSwapOption<mpsc::Sender<Write>>,
    room: Arc<Semaphore>,
    /// Reads under way, those that wait for their turn included.
    admitted: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    /// Opens or makes the file. Blocking; after a crash for as long as it takes to read all of it.
    pub(super) fn open(folder: &Path, queue: usize, io: &Handle) -> Result<Self, StoreStartError> {
        let path = folder.join(STORE_FILE);
        let file = Arc::new(File::open(path.clone())?);
        let writer = Writer::new(file.clone(), io).map_err(|error| StoreStartError::Embedded {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let (sender, receiver) = mpsc::channel(queue);
        let thread = std::thread::Builder::new()
            .name("tidegate-store".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(StoreStartError::Thread)?;
        Ok(Self {
            file,
            io: io.clone(),
            queue: ArcSwapOption::from_pointee(sender),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            admitted: Arc::new(Semaphore::new(queue)),
            turns: Arc::new(Semaphore::new(READERS)),
            writer: Mutex::new(Some(thread)),
        })
    }

    pub(super) async fn declare(&self, tables: &[Table]) -> Result<(), StoreError> {
        let change = Change::Declare(tables.to_vec());
        self.write(change, 1).await?;
        Ok(())
    }

    /// All tables in the file, in no order.
    pub(super) fn tables(&self) -> Vec<Table> {
        let catalog = self.file.catalog.load();
        let tables = catalog.values().map(|layout| layout.table.clone());
        tables.collect()
    }

    pub(super) async fn get(
        &self,
        table: &str,
        keys: &[Key],
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let layout = self.file.layout(table)?;
        for key in keys {
            layout.table.check_key(key)?;
        }
        let keys = keys.to_vec();
        self.read(move |database| read::get(database, &layout, &keys))
            .await
    }

    pub(super) async fn put(
        &self,
        table: &str,
        json: &str,
        condition: Condition,
    ) -> Result<String, StoreError> {
        let put = Put {
            table: table.to_owned(),
            json: json.to_owned(),
            condition,
        };
        let mut written = self.put_in_order(vec![put]).await?;
        Ok(written.pop().unwrap_or_default())
    }

    pub(super) async fn put_in_order(&self, puts: Vec<Put>) -> Result<Vec<String>, Stopped> {
        let prepared = puts.into_iter().map(|put| {
            let layout = self.file.layout(&put.table)?;
            Prepared::new(layout, put.json, put.condition)
        });
        let items = prepared.collect::<Result<Vec<_>, StoreError>>()?;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let room = items.iter().map(Prepared::room).sum();
        self.write(Change::Put(items), room).await
    }

    pub(super) async fn delete(
        &self,
        table: &str,
        key: &Key,
        unchanged: Option<&str>,
    ) -> Result<(), StoreError> {
        self.file.layout(table)?.table.check_key(key)?;
        let change = Change::Delete {
            table: table.to_owned(),
            key: key.clone(),
            unchanged: unchanged.map(str::to_owned),
        };
        self.write(change, 1).await?;
        Ok(())
    }

    /// A page, and where it ended if there is more.
    pub(super) async fn query(
        &self,
        query: &Query<'_>,
    ) -> Result<(Vec<Item>, Option<Position>), StoreError> {
        let layout = self.file.layout(query.table)?;
        query.keys(&layout.table)?;
        if query.is_empty() {
            return Ok((Vec::new(), None));
        }
        let scan = scan(&layout, query)?;
        let index = query.index.map(str::to_owned);
        let found = self
            .read(move |database| Ok((read::page(database, &scan)?, layout)))
            .await;
        let (Found { items, more_after }, layout) = found?;
        let position = more_after.map(|json| position(&layout.table, index.as_deref(), &json));
        Ok((items, position.transpose()?))
    }

    /// Some of a table's items, in the order of the file, and the key to go on after.
    pub(super) async fn scan(
        &self,
        table: &str,
        after: Option<&Key>,
    ) -> Result<(Vec<Item>, Option<Key>), StoreError> {
        let layout = self.file.layout(table)?;
        let scan = Scan {
            span: encoding::all(layout.id),
            by_entries: false,
            descending: false,
            after: after.map(|key| encoding::item(layout.id, key)),
            limit: SCAN_ITEMS,
        };
        let found = self
            .read(move |database| read::page(database, &scan))
            .await?;
        let more = found.more_after;
        let after = more.map(|json| Members::parse(&json)?.key(&layout.table));
        Ok((found.items, after.transpose()?))
    }

    pub(super) async fn stats(&self) -> Result<Vec<TableStats>, StoreError> {
        let layouts: Vec<_> = self.file.catalog.load().values().cloned().collect();
        let stats = move |database: &Database| {
            let each = layouts.iter().map(|layout| read::stats(database, layout));
            each.collect()
        };
        self.read(stats).await
    }

    /// `room` is in KiB.
    async fn write(&self, change: Change, room: u32) -> Answer {
        let room = self.room.clone().try_acquire_many_owned(room);
        let room = room.map_err(|_| StoreError::Throttled)?;
        let (answer, answered) = oneshot::channel();
        let write = Write {
            change,
            answer,
            _room: room,
        };
        let gone = || StoreError::Unavailable("the store is being closed".into());
        let queue = self.queue.load_full().ok_or_else(gone)?;
        queue.try_send(write).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Throttled,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        answered.await.map_err(|_| gone())?
    }

    /// Writes what waits and closes the file, so that the next start need not check all of it.
    /// Blocking.
    pub(super) fn close(&self) {
        drop(self.queue.swap(None));
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = writer.take() else {
            return;
        };
        if thread.join().is_err() {
            tracing::error!("the store's thread panicked");
        }
        self.file.close();
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let admitted = self.admitted.clone().try_acquire_owned();
        let admitted = admitted.map_err(|_| StoreError::Throttled)?;
        let gone = || StoreError::Unavailable("the store is being closed".into());
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| gone())?;
        let database = self.file.database()?;
        // The permits go along: a caller that gives up does not make room for another read.
        let read = self.io.spawn_blocking(move || {
            let done = work(&database);
            drop((database, turn, admitted));
            done
        });
        match read.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::error!(%error, "the store cannot read");
                let what = "the store could not read its disk";
                Err(StoreError::Unavailable(what.into()))
            }
            Err(_) => Err(gone()),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

fn scan(layout: &Layout, query: &Query<'_>) -> Result<Scan, StoreError> {
    let (first, last) = (query.first, query.last);
    let position = query.position.as_ref();
    let (span, after) = match query.index {
        None => (
            encoding::items(layout.id, query.partition, first, last),
            position.map(|position| encoding::item(layout.id, &position.key())),
        ),
        Some(name) => {
            let (at, _) = layout.table.index(name)?;
            let id = layout.index_ids[at];
            let entry = |position: &Position| {
                let key = Key {
                    partition: query.partition.to_owned(),
                    sort: position.index_sort.clone(),
                };
                encoding::entry(id, &key, &encoding::item(layout.id, &position.key()))
            };
            (
                encoding::entries(id, query.partition, first, last),
                position.map(entry),
            )
        }
    };
    let is_inside = |after: &Vec<u8>| *after >= span.from && *after < span.to;
    if after.as_ref().is_some_and(|after| !is_inside(after)) {
        return Err(StoreError::BadCursor);
    }
    Ok(Scan {
        span,
        by_entries: query.index.is_some(),
        descending: query.descending,
        after,
        limit: query.limit,
    })
}

fn position(table: &Table, index: Option<&str>, json: &str) -> Result<Position, StoreError> {
    let members = Members::parse(json)?;
    let index_key = match index {
        None => None,
        Some(name) => members.index_key(table.index(name)?.1)?,
    };
    let index_sort = index_key.and_then(|key| key.sort);
    Ok(Position::of(members.key(table)?, index_sort))
}
