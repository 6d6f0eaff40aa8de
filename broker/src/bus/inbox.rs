//! One worker's inbox: bounded, never waited for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    let (sender, receiver) = mpsc::unbounded_channel();
    let lost = Arc::new(Lost::default());
    let waiting = Arc::new(AtomicUsize::new(0));
    (
        InboxSender {
            sender,
            waiting: waiting.clone(),
            capacity,
            lost: lost.clone(),
        },
        Inbox {
            receiver,
            waiting,
            lost,
        },
    )
}

#[derive(Clone, Debug)]
pub struct InboxSender {
    /// Carries batches, for a worker that is woken by the first of several publications would
    /// write its connections once for it and again for the others. `capacity` bounds it.
    sender: mpsc::UnboundedSender<Vec<Arc<Publication>>>,
    /// Publications in the channel.
    waiting: Arc<AtomicUsize>,
    capacity: usize,
    lost: Arc<Lost>,
}

#[derive(Debug)]
pub struct Inbox {
    receiver: mpsc::UnboundedReceiver<Vec<Arc<Publication>>>,
    waiting: Arc<AtomicUsize>,
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
    /// Delivers what there is room for and notes the topics of the rest as missed; answers how
    /// many those were.
    pub fn deliver(&self, mut batch: Vec<Arc<Publication>>) -> usize {
        let waiting = self.waiting.load(Ordering::Acquire);
        let room = self.capacity.saturating_sub(waiting).min(batch.len());
        let refused = batch.split_off(room);
        if !refused.is_empty() {
            self.note(OVERLOADED, |gap| {
                refused
                    .iter()
                    .for_each(|publication| gap.add(publication.topic()));
            });
        }
        if room > 0 {
            self.waiting.fetch_add(room, Ordering::AcqRel);
            // A worker that has ended has no listeners.
            let _ = self.sender.send(batch);
        }
        refused.len()
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
    /// Waits for publications or a loss, then takes the batches that are there, up to the one
    /// that makes it `limit` publications. Cancel-safe. Answers `false` when every sender is gone.
    pub async fn receive(&mut self, into: &mut Vec<Arc<Publication>>, limit: usize) -> bool {
        let first = tokio::select! {
            biased;
            batch = self.receiver.recv() => batch,
            () = self.lost.wake.notified() => return true,
        };
        let Some(first) = first else { return false };
        let before = into.len();
        into.extend(first);
        while into.len() < limit
            && let Ok(batch) = self.receiver.try_recv()
        {
            into.extend(batch);
        }
        self.waiting
            .fetch_sub(into.len() - before, Ordering::AcqRel);
        true
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
