//! The assigned partitions: what waits, what is on its way, what is done. Pure: time comes in as a
//! value.

use std::collections::{HashMap, VecDeque};

use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::step::{Progress, Then};
use crate::plugin::Record;

/// A topic, by its place in the rules, and a partition.
pub(super) type Key = (usize, i32);

/// A record in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub offset: i64,
    pub timestamp_ms: Option<u64>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Option<Vec<u8>>,
}

impl Taken {
    pub fn record<'a>(&'a self, topic: &'a str, partition: i32) -> Record<'a> {
        Record {
            topic,
            partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            headers: &self.headers,
            value: self.value.as_deref(),
        }
    }

    /// What it weighs, near enough.
    pub fn bytes(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        size_of::<Self>() + length(&self.key) + length(&self.value) + headers
    }
}

/// A batch takes no more records from here on: all of it is copied into the mapper's memory.
const BATCH_BYTES: usize = 2 << 20;

/// What one partition may hold, and all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub batch_records: usize,
    pub partition_records: usize,
    pub buffer_bytes: usize,
}

#[derive(Debug)]
pub(super) struct Partitions {
    bounds: Bounds,
    all: HashMap<Key, Partition>,
    /// Of all records in memory.
    bytes: usize,
    /// Tells an assignment of a partition from the next one.
    epoch: u64,
}

#[derive(Debug)]
pub(super) struct Partition {
    epoch: u64,
    waiting: VecDeque<Taken>,
    stage: Stage,
    /// Records and bytes of the batch that is on its way.
    out: (usize, usize),
    pub progress: Progress,
    /// Everything before this offset is done; `None` = nothing since it was last stored.
    done: Option<i64>,
    pub paused: bool,
    /// Since when it holds too much.
    pub full_since: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    /// The next records may be mapped.
    Ready,
    /// Not before this time.
    Waiting(Instant),
    /// A batch is on its way to the bus.
    Out(AbortHandle),
}

/// Records to map, and which assignment they are of.
#[derive(Debug)]
pub(super) struct Batch {
    pub key: Key,
    pub epoch: u64,
    pub records: Vec<Taken>,
    pub progress: Progress,
}

impl Partitions {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            all: HashMap::new(),
            bytes: 0,
            epoch: 0,
        }
    }

    pub fn assign(&mut self, key: Key) {
        self.epoch += 1;
        let partition = Partition {
            epoch: self.epoch,
            waiting: VecDeque::new(),
            stage: Stage::Ready,
            out: (0, 0),
            progress: Progress::default(),
            done: None,
            paused: false,
            full_since: None,
        };
        self.revoke(&[key]);
        self.all.insert(key, partition);
    }

    /// Forgets partitions; what is on its way of them is abandoned.
    pub fn revoke(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(gone) = self.all.remove(key) {
                self.bytes -= gone.waiting.iter().map(Taken::bytes).sum::<usize>() + gone.out.1;
                if let Stage::Out(task) = gone.stage {
                    task.abort();
                }
            }
        }
    }

    /// Takes a record in; one of a partition that is not assigned is passed over.
    pub fn push(&mut self, key: Key, record: Taken) {
        if let Some(partition) = self.all.get_mut(&key) {
            self.bytes += record.bytes();
            partition.waiting.push_back(record);
        }
    }

    /// The partitions whose next records may be mapped now.
    pub fn ready(&self, now: Instant) -> Vec<Key> {
        let ready = self.all.iter().filter(|(_, partition)| {
            let may = match &partition.stage {
                Stage::Ready => true,
                Stage::Waiting(until) => *until <= now,
                Stage::Out(_) => false,
            };
            may && !partition.waiting.is_empty()
        });
        ready.map(|(key, _)| *key).collect()
    }

    /// When the first partition that waits may go on.
    pub fn next_due(&self) -> Option<Instant> {
        let due = self.all.values().filter_map(|partition| {
            let Stage::Waiting(until) = &partition.stage else {
                return None;
            };
            Some(*until)
        });
        due.min()
    }

    /// The next records of a partition; [`Self::put_back`] must follow.
    pub fn take(&mut self, key: Key) -> Option<Batch> {
        let partition = self.all.get_mut(&key)?;
        let most = partition.progress.limit(self.bounds.batch_records);
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < most && bytes < BATCH_BYTES {
            let Some(record) = partition.waiting.pop_front() else {
                break;
            };
            bytes += record.bytes();
            records.push(record);
        }
        partition.out = (records.len(), bytes);
        partition.stage = Stage::Ready;
        Some(Batch {
            key,
            epoch: partition.epoch,
            records,
            progress: partition.progress,
        })
    }

    /// Returns the records that are not dealt with, and notes how their partition goes on.
    pub fn put_back(&mut self, batch: Batch, done: usize, progress: Progress, then: Then) {
        let Batch { records, key, .. } = batch;
        let Some(partition) = self.all.get_mut(&key) else {
            return;
        };
        let back = records.into_iter().skip(done);
        for record in back.rev() {
            partition.out.0 -= 1;
            partition.out.1 -= record.bytes();
            partition.waiting.push_front(record);
        }
        partition.progress = progress;
        if let Then::Wait(until) = then {
            partition.stage = Stage::Waiting(until);
        }
    }

    /// What was dealt with is on its way, carried by `task`.
    pub fn is_out(&mut self, key: Key, task: AbortHandle) {
        if let Some(partition) = self.all.get_mut(&key) {
            partition.stage = Stage::Out(task);
        }
    }

    /// Everything of the partition before `next` is done. One of an earlier assignment does not
    /// count.
    pub fn settle(&mut self, key: Key, epoch: u64, next: i64, wait: Option<Instant>) {
        let Some(partition) = self.all.get_mut(&key).filter(|p| p.epoch == epoch) else {
            return;
        };
        self.bytes -= partition.out.1;
        partition.out = (0, 0);
        partition.done = Some(next);
        partition.stage = wait.map_or(Stage::Ready, Stage::Waiting);
    }

    /// Whether something of one of these is on its way.
    pub fn any_out(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| {
            let partition = self.all.get(key);
            partition.is_some_and(|partition| matches!(partition.stage, Stage::Out(_)))
        })
    }

    /// Offsets to store, each once.
    pub fn take_done(&mut self) -> Vec<(Key, i64)> {
        let all = self.all.iter_mut();
        all.filter_map(|(key, partition)| Some((*key, partition.done.take()?)))
            .collect()
    }

    /// Whether the memory for all partitions is used up.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.bounds.buffer_bytes
    }

    /// Notes which partitions hold too much, and answers whether any that is read does.
    pub fn note_full(&mut self, now: Instant) -> bool {
        let most = self.bounds.partition_records;
        let mut any = false;
        for partition in self.all.values_mut() {
            if partition.held() < most {
                partition.full_since = None;
            } else {
                partition.full_since.get_or_insert(now);
                any |= !partition.paused;
            }
        }
        any
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut Partition)> {
        self.all
            .iter_mut()
            .map(|(key, partition)| (*key, partition))
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Records in memory.
    pub fn held(&self) -> usize {
        self.all.values().map(Partition::held).sum()
    }
}

impl Partition {
    /// Records in memory, waiting or on their way.
    pub fn held(&self) -> usize {
        self.waiting.len() + self.out.0
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEY: Key = (0, 3);

    fn partitions() -> Partitions {
        let mut partitions = Partitions::new(Bounds {
            batch_records: 3,
            partition_records: 4,
            buffer_bytes: 1 << 20,
        });
        partitions.assign(KEY);
        for offset in 0..5 {
            let record = Taken {
                offset,
                ..Taken::default()
            };
            partitions.push(KEY, record);
        }
        partitions
    }

    fn offsets(batch: &Batch) -> Vec<i64> {
        batch.records.iter().map(|record| record.offset).collect()
    }

    #[tokio::test]
    async fn one_batch_at_a_time_and_what_is_not_dealt_with_comes_first_again() {
        let mut partitions = partitions();
        let now = Instant::now();
        assert_eq!(partitions.ready(now), [KEY]);
        let batch = partitions.take(KEY).expect("records");
        assert_eq!(offsets(&batch), [0, 1, 2]);
        let epoch = batch.epoch;
        partitions.put_back(batch, 2, Progress::default(), Then::GoOn);
        let task = tokio::spawn(async {}).abort_handle();
        partitions.is_out(KEY, task);
        assert!(partitions.ready(now).is_empty() && partitions.any_out(&[KEY]));
        assert_eq!(partitions.held(), 5);

        let due = now + Duration::from_secs(1);
        partitions.settle(KEY, epoch, 2, Some(due));
        assert_eq!(partitions.held(), 3);
        assert_eq!(partitions.take_done(), [(KEY, 2)]);
        assert!(partitions.take_done().is_empty());
        assert!(partitions.ready(now).is_empty());
        assert_eq!(partitions.next_due(), Some(due));
        assert_eq!(partitions.ready(due), [KEY]);
        let batch = partitions.take(KEY).expect("records");
        assert_eq!(offsets(&batch), [2, 3, 4]);
    }

    #[test]
    fn a_partition_that_left_takes_its_records_along_and_an_old_batch_settles_nothing() {
        let mut partitions = partitions();
        let batch = partitions.take(KEY).expect("records");
        let epoch = batch.epoch;
        partitions.revoke(&[KEY]);
        partitions.put_back(batch, 0, Progress::default(), Then::GoOn);
        partitions.push(KEY, Taken::default());
        assert_eq!((partitions.held(), partitions.bytes), (0, 0));
        partitions.assign(KEY);
        partitions.settle(KEY, epoch, 3, None);
        assert!(partitions.take_done().is_empty());
    }

    #[test]
    fn a_full_partition_is_noted_until_it_is_not() {
        let mut partitions = partitions();
        let now = Instant::now();
        assert!(partitions.note_full(now));
        for (_, partition) in partitions.iter_mut() {
            assert_eq!(partition.full_since, Some(now));
            partition.paused = true;
        }
        assert!(!partitions.note_full(now), "it is not read");
        let batch = partitions.take(KEY).expect("records");
        let epoch = batch.epoch;
        partitions.put_back(batch, 3, Progress::default(), Then::GoOn);
        partitions.settle(KEY, epoch, 3, None);
        partitions.note_full(now);
        assert!(partitions.iter_mut().all(|(_, p)| p.full_since.is_none()));
        assert!(partitions.bytes > 0);
    }
}
