use std::sync::Arc;

use super::listener::Grant;
use super::{Node, Refusal};
use crate::auth::{Principal, TokenError};
use crate::hub::{Interest, ListenerId, TopicKey};
use crate::outbox::SlowConsumer;
use crate::plugin::{Action, Decision, Verdict};
use crate::topic::Topic;

/// In whose name a topic is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The token of its own LISTEN.
    Own,
    /// The connection's token, as last set by AUTH.
    Connection,
}

/// An interest in a topic while its LISTEN waits; given back however that ends.
struct Held<'a> {
    node: &'a Node,
    topic: &'a Topic,
    key: TopicKey,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.node.hub.borrow_mut().release(self.key) == Interest::Lost {
            self.node
                .bus
                .unsubscribe(self.node.worker, self.topic.clone());
        }
    }
}

impl Node {
    /// Listens to all of `topics` or to none. On `Ok` every one is live: what is published from
    /// here on arrives. Cancel-safe: dropped, it has no effect.
    pub async fn listen(
        &self,
        id: ListenerId,
        topics: &[Topic],
        principal: &Arc<Principal>,
        binding: Binding,
    ) -> Result<(), Refusal> {
        self.check_room(id, topics)?;
        let decisions = self.ask_all(topics, principal)?;
        let held: Vec<Held<'_>> = topics.iter().map(|topic| self.hold(topic)).collect();
        for held in &held {
            self.make_live(held).await?;
        }
        // What is revoked from here on finds the listener; before, it did not.
        if self.auth.is_revoked(principal) {
            return Err(Refusal::BadToken(TokenError::Revoked.to_string().into()));
        }
        for (held, decision) in held.iter().zip(&decisions) {
            self.add(id, held, decision, principal, binding);
        }
        Ok(())
    }

    fn check_room(&self, id: ListenerId, topics: &[Topic]) -> Result<(), Refusal> {
        let hub = self.hub.borrow();
        let is_new = |at: usize, topic: &Topic| {
            !topics[..at].contains(topic) && !hub.is_listening(id, topic.as_str())
        };
        let new = topics
            .iter()
            .enumerate()
            .filter(|(at, topic)| is_new(*at, topic))
            .count();
        let limit = self.limits.topics_per_connection;
        if hub.topics_of(id) + new > limit {
            return Err(Refusal::TooManyTopics(limit));
        }
        Ok(())
    }

    fn ask_all(&self, topics: &[Topic], principal: &Principal) -> Result<Vec<Decision>, Refusal> {
        topics
            .iter()
            .map(|topic| self.ask(Action::Listen, topic, principal))
            .collect()
    }

    /// Asks the plugin; anything but a clear yes is a refusal.
    pub(super) fn ask(
        &self,
        action: Action,
        topic: &Topic,
        principal: &Principal,
    ) -> Result<Decision, Refusal> {
        let Principal {
            subject, scopes, ..
        } = principal;
        let decision =
            self.plugins
                .borrow_mut()
                .authorize(action, topic.as_str(), subject, scopes)?;
        match &decision.verdict {
            Verdict::Allow => Ok(decision),
            Verdict::Deny(reason) => {
                self.numbers.denied.increment(1);
                Err(Refusal::Denied {
                    topic: topic.clone(),
                    reason: (&**reason).into(),
                })
            }
        }
    }

    fn hold<'a>(&'a self, topic: &'a Topic) -> Held<'a> {
        let key = self.hub.borrow_mut().hold(topic);
        let mut policies = self.policy_of.borrow_mut();
        let policy = self.policy_for(topic);
        match policies.get_mut(key as usize) {
            Some(slot) => *slot = policy,
            // Keys are handed out densely, so a new one is the next.
            None => policies.push(policy),
        }
        Held {
            node: self,
            topic,
            key,
        }
    }

    fn policy_for(&self, topic: &Topic) -> SlowConsumer {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.pattern.covers(topic.as_str()));
        rule.map(|rule| rule.slow_consumer).unwrap_or_default()
    }

    async fn make_live(&self, held: &Held<'_>) -> Result<(), Refusal> {
        if self.hub.borrow().is_live(held.key) {
            return Ok(());
        }
        let subscribed = self.bus.subscribe(self.worker, held.topic.clone()).await;
        if subscribed.is_err() {
            return Err(Refusal::Failed("the bus is not available"));
        }
        self.hub.borrow_mut().set_live(held.key);
        Ok(())
    }

    fn add(
        &self,
        id: ListenerId,
        held: &Held<'_>,
        decision: &Decision,
        principal: &Arc<Principal>,
        binding: Binding,
    ) {
        if self.hub.borrow_mut().listen(id, held.key) {
            self.numbers.listening.increment(1.0);
        }
        if let Some(listener) = self.listeners.borrow().get(id as usize) {
            listener.put_grant(Grant {
                topic: held.topic.clone(),
                principal: principal.clone(),
                binding,
                expires: self.expiry(principal),
                recheck: decision
                    .recheck_after
                    .map_or(0, |after| self.clock.after(after)),
            });
        }
    }

    pub(super) fn expiry(&self, principal: &Principal) -> super::Tick {
        match principal.expires_at {
            0 => 0,
            seconds => self.clock.at_unix(seconds),
        }
    }

    /// Takes a listener from a topic, and the topic from the bus if it was the last; answers
    /// whether it listened there.
    pub(super) fn leave(&self, id: ListenerId, topic: &Topic) -> bool {
        let left = self.hub.borrow_mut().unlisten(id, topic.as_str());
        if left.is_some() {
            self.numbers.listening.decrement(1.0);
        }
        if left == Some(Interest::Lost) {
            self.bus.unsubscribe(self.worker, topic.clone());
        }
        left.is_some()
    }

    /// Stops listening; what it did not listen to is passed over.
    pub fn unlisten(&self, id: ListenerId, topics: &[Topic]) {
        for topic in topics {
            if !self.leave(id, topic) {
                continue;
            }
            if let Some(listener) = self.listeners.borrow().get(id as usize) {
                listener.drop_grant(topic.as_str());
            }
        }
    }
}
