//! Who waits to hear a publication of this node back. While nobody does, a delivery costs one
//! atomic load.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;
use tokio::sync::Notify;

use super::ids::IdSource;
use crate::publication::Draft;

/// Shared by those who wait and the bus task.
#[derive(Clone, Debug, Default)]
pub struct Awaited(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Ids in `waiting`, to be read without the lock.
    count: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// More than one waits for an id when a record is published again while its first publication
    /// is still on the way.
    ids: HashMap<Box<str>, SmallVec<[Place; 1]>>,
    /// For drafts that come without an id.
    source: IdSource,
}

/// Which publication of which batch.
#[derive(Clone, Debug)]
struct Place {
    batch: Arc<Batch>,
    at: usize,
}

#[derive(Debug)]
struct Batch {
    heard: Box<[AtomicBool]>,
    left: AtomicUsize,
    all: Notify,
}

impl Awaited {
    /// Waits for these from here on; drafts without an id get one.
    pub fn wait_for(&self, drafts: &mut [Draft]) -> Wait {
        let batch = Arc::new(Batch {
            heard: drafts.iter().map(|_| AtomicBool::new(false)).collect(),
            left: AtomicUsize::new(drafts.len()),
            all: Notify::new(),
        });
        let mut waiting = self.lock();
        let mut ids = Vec::with_capacity(drafts.len());
        for (at, draft) in drafts.iter_mut().enumerate() {
            if draft.id.is_empty() {
                draft.id = waiting.source.next();
            }
            let place = Place {
                batch: batch.clone(),
                at,
            };
            waiting.ids.entry(draft.id.clone()).or_default().push(place);
            ids.push(draft.id.clone());
        }
        self.0.count.store(waiting.ids.len(), Ordering::Release);
        drop(waiting);
        Wait {
            awaited: self.clone(),
            batch,
            ids,
        }
    }

    /// Those of `batch` that somebody waits for, duplicates too; to be told once it is delivered.
    pub fn among(&self, batch: &[Draft]) -> Heard {
        let mut heard = Heard(Vec::new());
        if self.0.count.load(Ordering::Acquire) == 0 {
            return heard;
        }
        let mut waiting = self.lock();
        for draft in batch {
            if let Some(places) = waiting.ids.remove(&draft.id) {
                heard.0.extend(places);
            }
        }
        self.0.count.store(waiting.ids.len(), Ordering::Release);
        heard
    }

    #[cfg(test)]
    pub fn is_awaited(&self, id: &str) -> bool {
        self.lock().ids.contains_key(id)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publications that came back.
#[must_use]
pub struct Heard(Vec<Place>);

impl Heard {
    /// They are delivered.
    pub fn tell(self) {
        for place in self.0 {
            place.batch.hear(place.at);
        }
    }
}

impl Batch {
    fn hear(&self, at: usize) {
        let first = self
            .heard
            .get(at)
            .is_some_and(|heard| !heard.swap(true, Ordering::AcqRel));
        if first && self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all.notify_one();
        }
    }
}

/// One caller's wait; dropped, it waits no more.
#[derive(Debug)]
pub struct Wait {
    awaited: Awaited,
    batch: Arc<Batch>,
    ids: Vec<Box<str>>,
}

impl Wait {
    /// Resolves when all are heard. Cancel-safe.
    pub async fn all(&self) {
        while !self.is_over() {
            self.batch.all.notified().await;
        }
    }

    pub fn is_over(&self) -> bool {
        self.batch.left.load(Ordering::Acquire) == 0
    }

    /// Which publications, by their place in the batch, are not heard.
    pub fn missing(&self) -> Vec<usize> {
        let heard = self.batch.heard.iter().enumerate();
        heard
            .filter(|(_, heard)| !heard.load(Ordering::Acquire))
            .map(|(at, _)| at)
            .collect()
    }

    /// The publication `at` needs not be heard.
    pub fn excuse(&self, at: usize) {
        self.batch.hear(at);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut waiting = self.awaited.lock();
        for id in &self.ids {
            if let Some(places) = waiting.ids.get_mut(id) {
                places.retain(|place| !Arc::ptr_eq(&place.batch, &self.batch));
                if places.is_empty() {
                    waiting.ids.remove(id);
                }
            }
        }
        self.awaited
            .0
            .count
            .store(waiting.ids.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::topic::Topic;

    fn draft(id: &str) -> Draft {
        Draft {
            topic: Topic::parse("a").expect("a topic"),
            event: None,
            id: id.into(),
            ts: None,
            origin: None,
            payload: Bytes::from_static(b"1"),
        }
    }

    #[test]
    fn a_wait_is_over_when_each_is_heard_however_often() {
        let awaited = Awaited::default();
        let wait = awaited.wait_for(&mut [draft("x"), draft("y")]);
        awaited.among(&[draft("x"), draft("x"), draft("z")]).tell();
        awaited.among(&[draft("x")]).tell();
        assert_eq!(wait.missing(), [1]);
        wait.excuse(1);
        assert!(wait.is_over() && wait.missing().is_empty());
    }

    #[test]
    fn two_may_wait_for_one_id_and_one_that_gave_up_is_forgotten() {
        let awaited = Awaited::default();
        let gave_up = awaited.wait_for(&mut [draft("x"), draft("y")]);
        let waits = awaited.wait_for(&mut [draft("x")]);
        drop(gave_up);
        assert_eq!(awaited.0.count.load(Ordering::Acquire), 1);
        awaited.among(&[draft("x"), draft("y")]).tell();
        assert!(waits.is_over());
        drop(waits);
        assert_eq!(awaited.0.count.load(Ordering::Acquire), 0);
    }

    #[test]
    fn drafts_without_an_id_get_different_ones() {
        let mut drafts = [draft(""), draft("")];
        let _wait = Awaited::default().wait_for(&mut drafts);
        assert!(drafts[0].id.len() == 26 && drafts[0].id < drafts[1].id);
    }

    #[test]
    fn nothing_to_wait_for_is_over_at_once() {
        assert!(Awaited::default().wait_for(&mut []).is_over());
    }
}
