//! One worker's inbox: bounded, never waited for.

use std::collections::{HashMap, HashSet};
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

/// Publications found an inbox or the bus's own queue full.
pub const OVERLOADED: &str = "the node was overloaded";

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
    gaps: Mutex<HashMap<&'static str, Gap>>,
}

/// What was lost for one reason.
#[derive(Debug)]
enum Gap {
    Topics(HashSet<Topic>),
    All,
}

impl InboxSender {
    /// Delivers, or notes the topic as missed and answers `false` when the inbox is full.
    pub fn deliver(&self, publication: Arc<Publication>) -> bool {
        match self.sender.try_send(publication) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(publication)) => {
                self.note(OVERLOADED, |gap| gap.add(publication.topic()));
                false
            }
            // The worker has ended: nobody listens there.
            Err(mpsc::error::TrySendError::Closed(_)) => true,
        }
    }

    /// Tells the worker that its listeners may have missed publications.
    pub fn missed(&self, missed: Missed) {
        self.note(missed.reason, |gap| match &missed.topics {
            Some(topics) => topics.iter().for_each(|topic| gap.add(topic)),
            None => *gap = Gap::All,
        });
    }

    fn note(&self, reason: &'static str, add: impl FnOnce(&mut Gap)) {
        let mut gaps = lock(&self.lost.gaps);
        add(gaps
            .entry(reason)
            .or_insert_with(|| Gap::Topics(HashSet::new())));
        drop(gaps);
        self.lost.any.store(true, Ordering::Release);
        self.lost.wake.notify_one();
    }
}

impl Gap {
    fn add(&mut self, topic: &Topic) {
        let Gap::Topics(topics) = self else {
            return;
        };
        if topics.contains(topic) {
            return;
        }
        if topics.len() < NAMED_TOPICS {
            topics.insert(topic.clone());
        } else {
            *self = Gap::All;
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
        lock(&self.lost.gaps)
            .drain()
            .map(|(reason, gap)| Missed {
                topics: match gap {
                    Gap::Topics(topics) => Some(topics.into_iter().collect()),
                    Gap::All => None,
                },
                reason,
            })
            .collect()
    }
}

/// A poisoned lock still guards a whole map: each holder only adds or takes.
fn lock<T>(guarded: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    guarded
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(topics: Option<&[&str]>, reason: &'static str) -> Missed {
        let topic = |name: &&str| Topic::parse(name).expect("a topic");
        Missed {
            topics: topics.map(|names| names.iter().map(topic).collect()),
            reason,
        }
    }

    #[tokio::test]
    async fn a_loss_wakes_the_worker_and_is_told_once_by_reason() {
        let (sender, mut inbox) = inbox(4);
        assert!(inbox.take_missed().is_empty());
        sender.missed(missed(Some(&["a"]), "x"));
        sender.missed(missed(Some(&["a"]), "x"));
        sender.missed(missed(Some(&["b"]), "y"));
        sender.missed(missed(None, "y"));
        sender.missed(missed(Some(&["c"]), "y"));
        assert!(inbox.receive(&mut Vec::new(), 8).await);
        let mut told = inbox.take_missed();
        told.sort_by_key(|missed| missed.reason);
        assert_eq!(told, [missed(Some(&["a"]), "x"), missed(None, "y")]);
        assert!(inbox.take_missed().is_empty());
    }

    #[test]
    fn too_many_topics_are_all_topics() {
        let (sender, mut inbox) = inbox(1);
        for n in 0..NAMED_TOPICS {
            sender.missed(missed(Some(&[&format!("t:{n}")]), "x"));
        }
        let told = inbox.take_missed();
        assert_eq!(told[0].topics.as_ref().map(Vec::len), Some(NAMED_TOPICS));
        for n in 0..=NAMED_TOPICS {
            sender.missed(missed(Some(&[&format!("t:{n}")]), "x"));
        }
        assert_eq!(inbox.take_missed(), [missed(None, "x")]);
    }

    #[tokio::test]
    async fn without_senders_the_inbox_ends() {
        let (sender, mut inbox) = inbox(1);
        drop(sender);
        assert!(!inbox.receive(&mut Vec::new(), 8).await);
    }
}
