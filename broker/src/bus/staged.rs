//! Publications on their way to the local bus's task. Those of one turn of a worker are taken as
//! one batch: waking the task for the first would have it run, on a busy core, before the second
//! is there.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

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
    /// The task has ended.
    closed: bool,
}

impl Staged {
    /// Queues a draft for the next [`Self::hand_over`].
    pub fn stage(&self, draft: Draft, bytes: usize) -> Result<(), Refused> {
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.closed {
            return Err(Refused::Closed);
        }
        let empty = waiting.drafts.is_empty();
        if !empty && (waiting.drafts.len() >= ITEMS || waiting.bytes + bytes > BYTES) {
            return Err(Refused::Full);
        }
        waiting.bytes += bytes;
        waiting.drafts.push(draft);
        Ok(())
    }

    /// Nothing is taken from here on.
    pub fn close(&self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.drafts = Vec::new();
    }

    /// Wakes the task.
    pub fn hand_over(&self) {
        self.0.handed_over.notify_one();
    }

    /// Waits for a hand-over and takes all that is staged. Cancel-safe.
    pub async fn take(&self, into: &mut Vec<Draft>) {
        self.0.handed_over.notified().await;
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.bytes = 0;
        std::mem::swap(into, &mut waiting.drafts);
    }
}
