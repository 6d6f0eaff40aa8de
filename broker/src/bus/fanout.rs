//! From received publications to the inboxes of the workers that listen. Never awaits.

use std::sync::Arc;

use tokio::time::Instant;

use super::awaited::Awaited;
use super::coalesce::{Coalesce, Waiting};
use super::counters::Counters;
use super::ids::{IdSource, Seen};
use super::inbox::{InboxSender, Missed};
use super::interest::Interest;
use crate::publication::{Draft, Publication};
use crate::topic::Topic;

pub struct Fanout {
    interest: Interest,
    inboxes: Vec<InboxSender>,
    /// By worker: what the batch under way holds for it.
    batches: Vec<Vec<Arc<Publication>>>,
    coalesce: Coalesce,
    waiting: Waiting,
    seen: Seen,
    ids: IdSource,
    awaited: Awaited,
    counters: Counters,
}

impl Fanout {
    pub fn new(
        inboxes: Vec<InboxSender>,
        coalesce: Coalesce,
        awaited: Awaited,
        counters: Counters,
    ) -> Self {
        Self {
            interest: Interest::default(),
            batches: vec![Vec::new(); inboxes.len()],
            inboxes,
            coalesce,
            waiting: Waiting::default(),
            seen: Seen::new(Instant::now()),
            ids: IdSource::new(),
            awaited,
            counters,
        }
    }

    /// `true` when nobody on this node listened to `topic` before.
    pub fn add(&mut self, worker: usize, topic: &Topic) -> bool {
        let first = self.interest.add(worker, topic);
        self.counters.topics.set(self.interest.topics() as f64);
        first
    }

    /// `true` when nobody on this node listens to `topic` any more.
    pub fn remove(&mut self, worker: usize, topic: &Topic) -> bool {
        let last = self.interest.remove(worker, topic);
        self.counters.topics.set(self.interest.topics() as f64);
        last
    }

    /// Whether a worker of this node listens to `topic`.
    pub fn is_heard(&self, topic: &Topic) -> bool {
        !self.interest.workers(topic).is_empty()
    }

    /// Delivers a batch that is here since `arrived`, but for what may wait, and leaves it empty;
    /// then tells those who waited to hear it.
    pub fn deliver(&mut self, batch: &mut Vec<Draft>, arrived: Instant) {
        let heard = self.awaited.among(batch);
        self.take_in(batch, arrived);
        heard.tell();
    }

    /// What nobody here listens to is not even encoded.
    fn take_in(&mut self, batch: &mut Vec<Draft>, arrived: Instant) {
        self.counters.received.increment(batch.len() as u64);
        let now = Instant::now();
        let (mut duplicates, mut unheard) = (0, 0);
        batch.retain_mut(|draft| {
            if draft.id.is_empty() {
                draft.id = self.ids.next();
            } else if !self.seen.insert(&draft.id, now) {
                duplicates += 1;
                return false;
            }
            let heard = !self.interest.workers(&draft.topic).is_empty();
            unheard += u64::from(!heard);
            heard
        });
        self.counters.unheard.increment(unheard);
        if duplicates > 0 {
            self.counters.duplicates.increment(duplicates);
        }
        if !self.coalesce.is_empty() {
            self.hold_back(batch, arrived);
            self.waiting.take_due(now, batch);
        }
        self.send(batch);
    }

    fn hold_back(&mut self, batch: &mut Vec<Draft>, arrived: Instant) {
        for draft in std::mem::take(batch) {
            let wait = self.coalesce.wait(&draft.topic);
            if wait.is_zero() {
                batch.push(draft);
            } else {
                self.waiting.push(draft, arrived + wait);
            }
        }
    }

    /// When publications that wait for company must go out.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.due()
    }

    /// Delivers those whose time has come.
    pub fn deliver_due(&mut self) {
        let mut batch = Vec::new();
        self.waiting.take_due(Instant::now(), &mut batch);
        self.send(&mut batch);
    }

    fn send(&mut self, batch: &mut Vec<Draft>) {
        if batch.is_empty() {
            return;
        }
        let (mut delivered, mut full) = (0, 0);
        for publication in Publication::encode_batch(batch.drain(..)) {
            for &worker in self.interest.workers(publication.topic()) {
                if let Some(batch) = self.batches.get_mut(worker) {
                    batch.push(publication.clone());
                }
            }
        }
        for (inbox, batch) in self.inboxes.iter().zip(&mut self.batches) {
            if !batch.is_empty() {
                let all = batch.len();
                let lost = inbox.deliver(std::mem::take(batch));
                delivered += all - lost;
                full += lost;
            }
        }
        self.counters.delivered.increment(delivered as u64);
        if full > 0 {
            self.counters.inbox_full.increment(full as u64);
        }
    }

    /// Tells every worker that its listeners may have missed publications of any topic.
    pub fn missed(&self, reason: &'static str) {
        for inbox in &self.inboxes {
            inbox.missed(Missed {
                topics: None,
                reason,
            });
        }
    }
}
