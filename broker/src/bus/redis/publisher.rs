//! The handle that callers publish with, and the queue behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use crate::bus::{PublishError, draft_bytes, queue};
use crate::publication::Draft;

#[derive(Clone)]
pub struct Publisher {
    queue: queue::Sender<Outgoing>,
    up: Arc<AtomicBool>,
}

pub struct Outgoing {
    pub what: What,
    pub done: Option<oneshot::Sender<Result<(), PublishError>>>,
}

pub enum What {
    Publication(Draft),
    Probe(u64),
}

/// What Redis said to a publication.
pub type Answer = oneshot::Receiver<Result<(), PublishError>>;

impl Outgoing {
    pub fn bytes(&self) -> usize {
        match &self.what {
            What::Publication(draft) => draft_bytes(draft),
            What::Probe(_) => 0,
        }
    }

    pub fn answer(self, answer: Result<(), PublishError>) {
        if let Some(done) = self.done {
            // The caller may have gone.
            let _ = done.send(answer);
        }
    }
}

impl Publisher {
    /// The handle, what it queues, and the switch that says whether Redis is connected.
    pub fn new() -> (Self, queue::Receiver<Outgoing>, Arc<AtomicBool>) {
        let (queue, receiver) = queue::queue(Outgoing::bytes);
        let up = Arc::new(AtomicBool::new(false));
        let publisher = Self {
            queue,
            up: up.clone(),
        };
        (publisher, receiver, up)
    }

    /// Resolves when Redis acknowledged; fails at once while it is not connected.
    pub async fn publish(&self, draft: Draft) -> Result<(), PublishError> {
        let answer = self.begin(draft)?;
        answer.await.unwrap_or(Err(PublishError::Unavailable))
    }

    /// Queues the publication; the receiver gets Redis's answer, or is closed without one.
    pub fn begin(&self, draft: Draft) -> Result<Answer, PublishError> {
        if !self.up.load(Ordering::Acquire) {
            return Err(PublishError::Unavailable);
        }
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Outgoing {
            what: What::Publication(draft),
            done: Some(done),
        })?;
        Ok(answer)
    }

    /// Publishes a probe on the way that publications take.
    pub fn probe(&self, number: u64) {
        // A probe that finds no room is one that is not heard, which is what it is for.
        let _ = self.queue.try_send(Outgoing {
            what: What::Probe(number),
            done: None,
        });
    }
}
