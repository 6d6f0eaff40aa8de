use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::run::Run;
use super::{Listener, Node, Notice};
use crate::bus::Missed;
use crate::hub::{ListenerId, TopicKey};
use crate::outbox::{Pushed, SlowConsumer, TopicRule};
use crate::publication::Publication;

/// How a topic's publications are delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delivery {
    slow_consumer: SlowConsumer,
    coalesce: Duration,
}

impl From<&TopicRule> for Delivery {
    fn from(rule: &TopicRule) -> Self {
        Self {
            slow_consumer: rule.slow_consumer,
            coalesce: rule.coalesce,
        }
    }
}

/// Publications that wait so that one write carries several (`coalesce`).
#[derive(Default)]
pub(super) struct Coalescing {
    waiting: Vec<Waiting>,
}

struct Waiting {
    key: TopicKey,
    due: Instant,
    publications: Vec<Arc<Publication>>,
}

impl Node {
    /// Puts a batch into the outboxes of its listeners; `flush` writes them.
    pub fn deliver(&self, batch: &[Arc<Publication>]) {
        let mut rest = batch;
        while let Some(first) = rest.first() {
            let key = self.hub.borrow().key(first.topic().as_str());
            let mut taken = 1;
            if let Some(key) = key {
                let rule = self.rule(key);
                if rule.coalesce.is_zero() {
                    // Where single publications may be dropped later they stay apart.
                    let joined = rule.slow_consumer == SlowConsumer::Disconnect;
                    let mut run = Run::take(rest, joined);
                    taken = run.len();
                    self.fan_out(key, rule.slow_consumer, &mut run);
                } else {
                    self.coalesce(key, rule.coalesce, first);
                }
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn rule(&self, key: TopicKey) -> Delivery {
        self.rule_of
            .borrow()
            .get(key as usize)
            .copied()
            .unwrap_or_default()
    }

    fn fan_out(&self, key: TopicKey, policy: SlowConsumer, run: &mut Run<'_>) {
        let hub = self.hub.borrow();
        let listeners = self.listeners.borrow();
        let mut dirty = self.dirty.borrow_mut();
        let ids = hub.listeners(key);
        for &id in ids {
            let Some(listener) = listeners.get(id as usize) else {
                continue;
            };
            let frame = run.frame(&listener.wire);
            match listener.connection.push(frame, policy, key) {
                Pushed::Queued => {}
                Pushed::Dropped(dropped) => self.lost(listener, key, policy, dropped),
                Pushed::Full => self.numbers.slow_consumers.increment(1),
            }
            if !listener.connection.dirty.replace(true) {
                dirty.push(id);
            }
        }
        let deliveries = run.len() * ids.len();
        self.numbers.delivered.increment(deliveries as u64);
    }

    /// Tells a slow consumer, once until it has caught up, that publications were dropped.
    fn lost(&self, listener: &Listener, key: TopicKey, policy: SlowConsumer, dropped: usize) {
        self.numbers.dropped.increment(dropped as u64);
        if !listener.first_loss() {
            return;
        }
        let hub = self.hub.borrow();
        let topics = hub.topic(key).map(|topic| [topic.as_str()]);
        let topics = topics.as_ref().map(|one| &one[..]);
        let told = listener.notify(Notice::Missed {
            topics,
            reason: "slow consumer",
        });
        // Of a topic whose latest value is all that counts, an old client missed nothing.
        if !told && policy != SlowConsumer::LatestOnly {
            self.schedule_reconnect(listener);
        }
    }

    fn coalesce(&self, key: TopicKey, wait: Duration, publication: &Arc<Publication>) {
        let mut coalescing = self.coalescing.borrow_mut();
        let waiting = &mut coalescing.waiting;
        let at = waiting
            .iter()
            .position(|waiting| waiting.key == key)
            .unwrap_or_else(|| {
                let due = Instant::now() + wait;
                waiting.push(Waiting {
                    key,
                    due,
                    publications: Vec::new(),
                });
                waiting.len() - 1
            });
        waiting[at].publications.push(publication.clone());
    }

    /// When the next coalesced publications must go out.
    pub fn coalesce_due(&self) -> Option<Instant> {
        self.coalescing
            .borrow()
            .waiting
            .iter()
            .map(|waiting| waiting.due)
            .min()
    }

    /// Puts coalesced publications whose time has come into the outboxes.
    pub fn deliver_due(&self) {
        let now = Instant::now();
        let mut due = Vec::new();
        self.coalescing.borrow_mut().waiting.retain_mut(|waiting| {
            if waiting.due > now {
                return true;
            }
            due.push((waiting.key, std::mem::take(&mut waiting.publications)));
            false
        });
        for (key, publications) in due {
            let policy = self.rule(key).slow_consumer;
            self.fan_out(key, policy, &mut Run::of(&publications));
        }
    }

    /// Writes every dirty connection once.
    pub fn flush(&self) {
        let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
        let listeners = self.listeners.borrow();
        for id in &dirty {
            let Some(listener) = listeners.get(*id as usize) else {
                continue;
            };
            listener.connection.dirty.set(false);
            if !listener.connection.is_blocked() {
                listener.connection.flush();
            }
            if !listener.connection.is_blocked() {
                listener.caught_up();
            }
        }
        drop(listeners);
        let mut spare = dirty;
        spare.clear();
        *self.dirty.borrow_mut() = spare;
    }

    /// Tells the listeners of the lost topics that they may have missed publications.
    pub fn missed(&self, missed: &Missed) {
        let Some(topics) = &missed.topics else {
            for (_, listener) in &*self.listeners.borrow() {
                if listener.grant_count() > 0 {
                    self.tell_missed(listener, None, missed.reason);
                }
            }
            return;
        };
        let hub = self.hub.borrow();
        for topic in topics {
            let ids = hub
                .key(topic.as_str())
                .map_or(&[][..], |key| hub.listeners(key));
            self.each(ids, |listener| {
                self.tell_missed(listener, Some(&[topic.as_str()]), missed.reason);
            });
        }
    }

    fn each(&self, ids: &[ListenerId], mut act: impl FnMut(&Listener)) {
        let listeners = self.listeners.borrow();
        ids.iter()
            .filter_map(|id| listeners.get(*id as usize))
            .for_each(&mut act);
    }

    fn tell_missed(&self, listener: &Listener, topics: Option<&[&str]>, reason: &str) {
        self.numbers.missed.increment(1);
        if listener.notify(Notice::Missed { topics, reason }) {
            listener.connection.flush();
        } else {
            self.schedule_reconnect(listener);
        }
    }
}
