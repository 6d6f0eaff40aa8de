//! The one thread that writes: all writes that wait become one transaction, one wait for the disk
//! makes them durable, then all are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::WriteTransaction;
use rustc_hash::FxHashSet;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::change::{Applied, Open, Prepared};
use super::declare;
use super::file::{File, NUMBERS, VERSIONS, number};
use crate::store::counters::WriterCounters;
use crate::store::item::now;
use crate::store::table::{Key, Table};
use crate::store::{Stopped, StoreError};

/// Writes of one transaction, at most (a write is one item, seldom up to sixteen): what waits behind
/// them waits for them all.
const BATCH: usize = 1_024;
/// Versions are taken in blocks, so that not every commit writes their counter: what a crash
/// leaves of a block is never given.
const VERSION_BLOCK: u64 = 65_536;
/// Between looks whether more writes have come, and how many looks in vain end the gathering.
const GATHER_STEP: Duration = Duration::from_micros(50);
const GATHER_IN_VAIN: u32 = 2;
/// No commit is put off for longer, however long the last one took.
const GATHER_MAX: Duration = Duration::from_millis(2);
/// Between attempts to open a file whose disk has failed.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// What a write answers: the versions that it made.
pub(super) type Answer = Result<Vec<String>, Stopped>;

pub(super) enum Change {
    /// One after the other, until one is not written.
    Put(Vec<Prepared>),
    Delete {
        table: String,
        key: Key,
        unchanged: Option<String>,
    },
    Declare(Vec<Table>),
}

/// A change and whoever waits for it. One who has gone meanwhile does not keep it from being done.
pub(super) struct Write {
    pub(super) change: Change,
    pub(super) answer: oneshot::Sender<Answer>,
    /// Its part of the memory that may wait.
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    file: Arc<File>,
    io: Handle,
    next_version: u64,
    /// The file's counter: versions below it may be given.
    reserved: u64,
    /// Tables that were declared since the file was opened.
    declared: FxHashSet<String>,
    has_failed: bool,
    /// Of the last batch: how many writes, and how long its commits took.
    last: (usize, Duration),
    counters: WriterCounters,
}

impl Writer {
    pub(super) fn new(file: Arc<File>, io: &Handle) -> Result<Self, redb::Error> {
        let database = file.database().map_err(|error| {
            redb::Error::Corrupted(error.to_string()) // A file just opened is there.
        })?;
        let reserved = number(&database, VERSIONS)?;
        Ok(Self {
            file,
            io: io.clone(),
            next_version: reserved,
            reserved,
            declared: FxHashSet::default(),
            has_failed: false,
            last: (0, Duration::ZERO),
            counters: WriterCounters::new(),
        })
    }

    /// Until all senders are gone and what they sent is written.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.gather(&mut queue, &mut batch);
            self.counters.queued.set(queue.len() as f64);
            let (writes, begun) = (batch.len(), Instant::now());
            let mut together = Vec::with_capacity(batch.len());
            for write in batch.drain(..) {
                let Change::Declare(tables) = &write.change else {
                    together.push(write);
                    continue;
                };
                // What was asked before it comes before it.
                self.commit(std::mem::take(&mut together));
                let outcome = self.settled(|writer| declare::declare(writer, tables));
                let _ = write.answer.send(nothing(outcome));
            }
            self.commit(together);
            self.last = (writes, begun.elapsed());
            self.recover(&mut queue);
        }
    }

    /// Whoever was answered by the last commit often comes back with the next write. The first of
    /// them must not be committed alone, with the others waiting for the disk twice: while more
    /// come they are waited for, up to as many as they were, for half of what a commit takes.
    fn gather(&self, queue: &mut mpsc::Receiver<Write>, batch: &mut Vec<Write>) {
        let (writes, took) = self.last;
        let end = Instant::now() + GATHER_MAX.min(took / 2);
        let mut in_vain = 0;
        while batch.len() < writes && in_vain < GATHER_IN_VAIN && Instant::now() < end {
            std::thread::sleep(GATHER_STEP);
            let before = batch.len();
            while batch.len() < BATCH
                && let Ok(write) = queue.try_recv()
            {
                batch.push(write);
            }
            in_vain = if batch.len() == before {
                in_vain + 1
            } else {
                0
            };
        }
    }

    fn commit(&mut self, writes: Vec<Write>) {
        if writes.is_empty() {
            return;
        }
        let begun = Instant::now();
        let outcome = self.settled(|writer| writer.transaction(&writes).map(Ok));
        let answers = outcome.unwrap_or_else(|error| vec![Err(error.into()); writes.len()]);
        // Where those wait who are answered: from here each would be woken by itself.
        self.io.spawn(async move {
            for (write, answer) in writes.into_iter().zip(answers) {
                let _ = write.answer.send(answer);
            }
        });
        self.counters.commit_seconds.record(begun.elapsed());
    }

    fn transaction(&mut self, writes: &[Write]) -> Result<Vec<Answer>, redb::Error> {
        let write = self.begin()?;
        let catalog = self.file.catalog.load_full();
        let (mut version, mut reserved) = (self.next_version, self.reserved);
        let mut answers = Vec::with_capacity(writes.len());
        let mut open = Open::new(&write, now())?;
        let swept = open.sweep(&catalog)?;
        for asked in writes {
            answers.push(match &asked.change {
                Change::Put(items) => self.put(&mut open, items, &mut version)?,
                Change::Delete {
                    table,
                    key,
                    unchanged,
                } => nothing(match catalog.get(table) {
                    Some(layout) => open.delete(layout, key, unchanged.as_deref())?,
                    None => Err(StoreError::UnknownTable(table.clone())),
                }),
                Change::Declare(_) => nothing(Ok(())),
            });
        }
        drop(open);
        let done = answers.iter().map(done).sum::<usize>();
        if done == 0 && swept == 0 {
            write.abort()?;
            return Ok(answers);
        }
        if version > reserved {
            reserved = version + VERSION_BLOCK;
            write.open_table(NUMBERS)?.insert(VERSIONS, reserved)?;
        }
        // A commit that failed may be on the disk all the same: its versions are used up.
        self.next_version = version;
        write.commit()?;
        self.reserved = reserved;
        self.counters.expired.increment(swept);
        self.counters.commit_records.record(done as f64);
        Ok(answers)
    }

    fn put(
        &self,
        open: &mut Open<'_>,
        items: &[Prepared],
        version: &mut u64,
    ) -> Result<Answer, redb::Error> {
        let mut written = Vec::with_capacity(items.len());
        for item in items {
            *version += 1;
            match self.put_one(open, item, *version)? {
                Ok(()) => written.push(version.to_string()),
                Err(error) => return Ok(Err(Stopped { written, error })),
            }
        }
        Ok(Ok(written))
    }

    fn put_one(&self, open: &mut Open<'_>, item: &Prepared, version: u64) -> Applied<()> {
        let layout = match self.file.layout(&item.layout.table.name) {
            Ok(layout) => layout,
            Err(error) => return Ok(Err(error)),
        };
        if Arc::ptr_eq(&layout, &item.layout) {
            return open.put(item, version);
        }
        match item.again(layout) {
            Ok(item) => open.put(&item, version),
            Err(error) => Ok(Err(error)),
        }
    }

    /// What the disk did not do is `unavailable`, and the file is opened anew before the next.
    fn settled<T>(&mut self, work: impl FnOnce(&mut Self) -> Applied<T>) -> Result<T, StoreError> {
        work(self).unwrap_or_else(|error| {
            tracing::error!(%error, path = %self.file.path.display(), "the store cannot write");
            self.reopen();
            Err(not_written())
        })
    }

    fn reopen(&mut self) {
        let path = self.file.path.display();
        let opened = self.file.reopen();
        match &opened {
            Ok(()) => tracing::warn!(%path, "the store is open again"),
            Err(error) => tracing::error!(%error, %path, "the store cannot be opened again"),
        }
        self.has_failed = opened.is_err();
    }

    /// Tries to open the file again until it is; whoever writes meanwhile is told so.
    fn recover(&mut self, queue: &mut mpsc::Receiver<Write>) {
        while self.has_failed {
            std::thread::sleep(REOPEN_PAUSE);
            loop {
                match queue.try_recv() {
                    Ok(write) => {
                        let _ = write.answer.send(Err(not_written().into()));
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                }
            }
            self.reopen();
        }
    }

    pub(super) fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let database = self.file.database();
        let database = database.map_err(|error| redb::Error::Corrupted(error.to_string()))?;
        Ok(database.begin_write()?)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn is_declared(&self, table: &str) -> bool {
        self.declared.contains(table)
    }

    pub(super) fn set_declared<'a>(&mut self, tables: impl IntoIterator<Item = &'a Table>) {
        let names = tables.into_iter().map(|table| table.name.clone());
        self.declared.extend(names);
    }
}

/// The answer of a write that makes no version.
fn nothing(outcome: Result<(), StoreError>) -> Answer {
    outcome.map(|()| Vec::new()).map_err(Stopped::from)
}

/// How much of a write was done.
fn done(answer: &Answer) -> usize {
    match answer {
        Ok(versions) => versions.len().max(1),
        Err(stopped) => stopped.written.len(),
    }
}

fn not_written() -> StoreError {
    StoreError::Unavailable("the store could not write to its disk".into())
}
