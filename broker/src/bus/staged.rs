//! Publications on their way to the local bus's task. Those of one turn of a worker are taken as
//! one batch: waking the task for the first would have it run, on a busy core, before the second
//! is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::coalesce::RUN;
use super::queue::{BYTES, ITEMS, Refused};
use crate::publication::Draft;

/// Shared by everybody who publishes and the task; bounded like [`super::queue`].
#[derive(Clone, Debug, Default)]
pub struct Staged(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    handed_over: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    drafts: Vec<Draft>,
    bytes: usize,
    /// One of them goes out at the next hand-over.
    urgent: bool,
    /// When the first of those came that may wait for company.
    first: Option<Instant>,
    /// When those are due, and whether the task knows.
    due: Option<Instant>,
    told: bool,
    /// The task has ended.
    closed: bool,
}

impl Staged {
    /// Queues a draft for the next [`Self::hand_over`], or for `wait` after it.
    pub fn stage(&self, draft: Draft, bytes: usize, wait: Duration) -> Result<(), Refused> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        let empty = waiting.drafts.is_empty();
        if !empty && (waiting.drafts.len() >= ITEMS || waiting.bytes + bytes > BYTES) {
            return Err(Refused::Full);
        }
        waiting.bytes += bytes;
        waiting.drafts.push(draft);
        if wait.is_zero() || waiting.drafts.len() >= RUN {
            waiting.urgent = true;
        } else {
            let now = Instant::now();
            waiting.first.get_or_insert(now);
            if waiting.due.is_none_or(|due| due > now + wait) {
                waiting.due = Some(now + wait);
                waiting.told = false;
            }
        }
        Ok(())
    }

    /// Nothing is taken from here on.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.drafts = Vec::new();
    }

    /// Wakes the task, but not for publications that may wait and that it knows of.
    pub fn hand_over(&self) {
        let mut waiting = self.lock();
        let news = waiting.urgent || (waiting.due.is_some() && !waiting.told);
        waiting.told = true;
        drop(waiting);
        if news {
            self.0.handed_over.notify_one();
        }
    }

    /// Waits for a hand-over and takes all that is staged, once one of them must go out; answers
    /// since when the longest waits. Cancel-safe.
    pub async fn take(&self, into: &mut Vec<Draft>) -> Instant {
        loop {
            let due = self.lock().due;
            match due {
                None => self.0.handed_over.notified().await,
                Some(due) => tokio::select! {
                    () = self.0.handed_over.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
            let now = Instant::now();
            let mut waiting = self.lock();
            if waiting.urgent || waiting.due.is_some_and(|due| due <= now) {
                std::mem::swap(into, &mut waiting.drafts);
                waiting.bytes = 0;
                waiting.urgent = false;
                waiting.due = None;
                return waiting.first.take().unwrap_or(now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
