//! One worker's inbox: bounded, never waited for.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::publication::Publication;
use crate::topic::Topic;

/// What a worker's listeners may have missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// `None` = any topic.
    pub topics: Option<Vec<Topic>>,
    pub reason: &'static str,
}

/// Lost topics that are named one by one; beyond it all topics count as missed.
const NAMED_TOPICS: usize = 1_024;

/// An inbox of at most `capacity` publications and its sender.
pub fn inbox(capacity: usize) -> (InboxSender, Inbox) {
    let (sender, receiver) = mpsc::channel(capacity);
    let lost = Arc::new(Lost::default());
    (
        InboxSender {
            sender,
            lost: lost.clone(),
        },
        Inbox { receiver, lost },
    )
}

#[derive(Clone, Debug)]
pub struct InboxSender {
    sender: mpsc::Sender<Arc<Publication>>,
    lost: Arc<Lost>,
}

#[derive(Debug)]
pub struct Inbox {
    receiver: mpsc::Receiver<Arc<Publication>>,
    lost: Arc<Lost>,
}

#[derive(Debug, Default)]
struct Lost {
    any: AtomicBool,
    wake: tokio::sync::Notify,
    missed: Mutex<Vec<Missed>>,
}

impl InboxSender {
    /// Delivers, or notes the topic as missed and answers `false` when the inbox is full.
    pub fn deliver(&self, publication: Arc<Publication>) -> bool {
        match self.sender.try_send(publication) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(publication)) => {
                self.missed(Missed {
                    topics: Some(vec![publication.topic().clone()]),
                    reason: "the node was overloaded",
                });
                false
            }
            // The worker has ended: nobody listens there.
            Err(mpsc::error::TrySendError::Closed(_)) => true,
        }
    }

    /// Tells the worker that its listeners may have missed publications.
    pub fn missed(&self, missed: Missed) {
        let mut all = lock(&self.lost.missed);
        match all.iter_mut().find(|known| known.reason == missed.reason) {
            Some(known) => known.merge(missed),
            None => all.push(missed),
        }
        drop(all);
        self.lost.any.store(true, Ordering::Release);
        self.lost.wake.notify_one();
    }
}

impl Missed {
    fn merge(&mut self, other: Missed) {
        match (&mut self.topics, other.topics) {
            (Some(mine), Some(theirs)) => {
                for topic in theirs {
                    if !mine.contains(&topic) {
                        mine.push(topic);
                    }
                }
                if mine.len() > NAMED_TOPICS {
                    self.topics = None;
                }
            }
            _ => self.topics = None,
        }
    }
}

impl Inbox {
    /// Waits for publications or a loss, then takes up to `limit` publications that are there.
    /// Cancel-safe. Answers `false` when every sender is gone.
    pub async fn receive(&mut self, into: &mut Vec<Arc<Publication>>, limit: usize) -> bool {
        tokio::select! {
            biased;
            taken = self.receiver.recv_many(into, limit) => taken > 0,
            () = self.lost.wake.notified() => true,
        }
    }

    /// What was lost since the last call.
    pub fn take_missed(&mut self) -> Vec<Missed> {
        if !self.lost.any.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut lock(&self.lost.missed))
    }
}

/// A poisoned lock still guards a whole list: each holder only pushes or takes.
fn lock(missed: &Mutex<Vec<Missed>>) -> std::sync::MutexGuard<'_, Vec<Missed>> {
    missed
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
