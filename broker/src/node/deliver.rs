use std::sync::Arc;

use super::run::Run;
use super::{Listener, Node, Notice};
use crate::bus::Missed;
use crate::hub::{ListenerId, TopicKey};
use crate::outbox::{Pushed, SlowConsumer};
use crate::publication::Publication;

impl Node {
    /// Puts a batch into the outboxes of its listeners; `flush` writes them.
    pub fn deliver(&self, batch: &[Arc<Publication>]) {
        let mut rest = batch;
        while let Some(first) = rest.first() {
            let key = self.hub.borrow().key(first.topic().as_str());
            let mut taken = 1;
            if let Some(key) = key {
                let policy = self.policy(key);
                // Where single publications may be dropped later they stay apart.
                let joined = policy == SlowConsumer::Disconnect;
                let mut run = Run::take(rest, joined);
                taken = run.len();
                self.fan_out(key, policy, &mut run);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    fn policy(&self, key: TopicKey) -> SlowConsumer {
        self.policy_of
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
