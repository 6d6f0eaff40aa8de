//! Which topics' channels are wanted and which are subscribed. Pure.
//!
//! Commands that come while Redis answers are gathered, and the next round carries out only their
//! outcome: one UNSUBSCRIBE and one SUBSCRIBE, each channel in at most one of them. So a topic that
//! is wanted again while its UNSUBSCRIBE is in flight is subscribed after it, never before.

use std::collections::{HashMap, HashSet};

use crate::topic::Topic;

/// What the bus task tells the link. The number tells one wish for a topic from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Want(Topic, u64),
    Unwant(Topic),
}

#[derive(Debug, Default)]
pub struct Channels {
    wanted: HashMap<Topic, u64>,
    subscribed: HashSet<Topic>,
    changed: HashSet<Topic>,
}

/// What to ask of Redis, and what is live when Redis has answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub unsubscribe: Vec<Topic>,
    pub subscribe: Vec<Topic>,
    pub live: Vec<(Topic, u64)>,
}

impl Channels {
    pub fn apply(&mut self, wish: Wish) {
        let topic = match wish {
            Wish::Want(topic, number) => {
                self.wanted.insert(topic.clone(), number);
                topic
            }
            Wish::Unwant(topic) => {
                self.wanted.remove(&topic);
                topic
            }
        };
        self.changed.insert(topic);
    }

    /// A new connection has no subscription: everything wanted is to be subscribed.
    pub fn reconnected(&mut self) {
        self.subscribed.clear();
        self.changed = self.wanted.keys().cloned().collect();
    }

    pub fn is_wanted(&self, topic: &str) -> bool {
        self.wanted.contains_key(topic)
    }

    /// The next round. It counts as carried out: if Redis fails at it, the connection is made anew.
    pub fn round(&mut self) -> Round {
        let mut round = Round::default();
        for topic in self.changed.drain() {
            match self.wanted.get(&topic) {
                Some(number) => {
                    round.live.push((topic.clone(), *number));
                    if self.subscribed.insert(topic.clone()) {
                        round.subscribe.push(topic);
                    }
                }
                None => {
                    if self.subscribed.remove(&topic) {
                        round.unsubscribe.push(topic);
                    }
                }
            }
        }
        round
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn topic(name: &str) -> Topic {
        Topic::parse(name).expect("a topic")
    }

    fn round(unsubscribe: &[&str], subscribe: &[&str], live: &[(&str, u64)]) -> Round {
        Round {
            unsubscribe: unsubscribe.iter().map(|name| topic(name)).collect(),
            subscribe: subscribe.iter().map(|name| topic(name)).collect(),
            live: live.iter().map(|(name, n)| (topic(name), *n)).collect(),
        }
    }

    #[test]
    fn only_the_outcome_of_many_wishes_is_carried_out() {
        let mut channels = Channels::default();
        channels.apply(Wish::Want(topic("a"), 1));
        channels.apply(Wish::Unwant(topic("a")));
        channels.apply(Wish::Want(topic("a"), 2));
        assert_eq!(channels.round(), round(&[], &["a"], &[("a", 2)]));

        channels.apply(Wish::Unwant(topic("a")));
        channels.apply(Wish::Want(topic("a"), 3));
        assert_eq!(
            channels.round(),
            round(&[], &[], &[("a", 3)]),
            "it never left"
        );

        channels.apply(Wish::Unwant(topic("a")));
        assert_eq!(channels.round(), round(&["a"], &[], &[]));
        channels.apply(Wish::Want(topic("a"), 4));
        assert_eq!(channels.round(), round(&[], &["a"], &[("a", 4)]));
        assert_eq!(channels.round(), Round::default());
    }

    #[test]
    fn a_new_connection_subscribes_everything_wanted_and_nothing_else() {
        let mut channels = Channels::default();
        channels.apply(Wish::Want(topic("a"), 1));
        channels.apply(Wish::Want(topic("b"), 2));
        channels.round();
        channels.apply(Wish::Unwant(topic("b")));
        channels.reconnected();
        assert_eq!(channels.round(), round(&[], &["a"], &[("a", 1)]));
    }

    proptest! {
        /// Redis, carrying out rounds in order, always ends with what is wanted, and a topic is
        /// called live only while it is subscribed there.
        #[test]
        fn redis_ends_with_what_is_wanted(
            steps in prop::collection::vec((0_usize..4, 0_u8..5), 0..60)
        ) {
            let names = ["a", "b", "c", "d"];
            let mut channels = Channels::default();
            let (mut wanted, mut redis) = (HashSet::new(), HashSet::new());
            let carry_out = |channels: &mut Channels, redis: &mut HashSet<Topic>| {
                let round = channels.round();
                for topic in &round.unsubscribe { redis.remove(topic); }
                redis.extend(round.subscribe);
                round.live.iter().all(|(topic, _)| redis.contains(topic))
            };
            for (number, (name, what)) in steps.into_iter().enumerate() {
                let topic = topic(names[name]);
                match what {
                    0 | 1 => {
                        wanted.insert(topic.clone());
                        channels.apply(Wish::Want(topic, number as u64));
                    }
                    2 => {
                        wanted.remove(&topic);
                        channels.apply(Wish::Unwant(topic));
                    }
                    3 => prop_assert!(carry_out(&mut channels, &mut redis)),
                    _ => {
                        redis.clear();
                        channels.reconnected();
                    }
                }
            }
            prop_assert!(carry_out(&mut channels, &mut redis));
            prop_assert_eq!(redis, wanted);
        }
    }
}
