//! Topic → listeners on this worker. Synchronous, never awaits; knows no protocols.

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::topic::Topic;

/// A session of this worker.
pub type ListenerId = u32;
/// A topic of this worker, for as long as somebody has an interest in it.
pub type TopicKey = u32;

#[derive(Debug, Default)]
pub struct Hub {
    names: FxHashMap<Topic, TopicKey>,
    topics: Slab<TopicEntry>,
    /// By listener: its topics and its place in each. Holds nothing for one that listens to
    /// nothing.
    listeners: FxHashMap<ListenerId, Vec<Place>>,
}

#[derive(Debug)]
struct TopicEntry {
    topic: Topic,
    listeners: Vec<ListenerId>,
    /// LISTENs that wait for the bus.
    pending: u32,
    /// The bus has acknowledged the subscription.
    live: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    topic: TopicKey,
    /// Index in the topic's `listeners`.
    slot: u32,
}

/// Whether a topic lost its last interest: the bus need not carry it any more.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Kept,
    Lost,
}

impl Hub {
    /// Notes an interest in `topic`, so that it is not given up while a LISTEN waits for the bus.
    /// Every call is paired with one of `release`.
    pub fn hold(&mut self, topic: &Topic) -> TopicKey {
        let key = match self.names.get(topic) {
            Some(key) => *key,
            None => self.add(topic),
        };
        if let Some(entry) = self.topics.get_mut(key as usize) {
            entry.pending += 1;
        }
        key
    }

    fn add(&mut self, topic: &Topic) -> TopicKey {
        let entry = TopicEntry {
            topic: topic.clone(),
            listeners: Vec::new(),
            pending: 0,
            live: false,
        };
        let key = self.topics.insert(entry) as TopicKey;
        self.names.insert(topic.clone(), key);
        key
    }

    /// Ends a `hold`.
    pub fn release(&mut self, key: TopicKey) -> Interest {
        if let Some(entry) = self.topics.get_mut(key as usize) {
            entry.pending = entry.pending.saturating_sub(1);
        }
        self.drop_unused(key)
    }

    pub fn is_live(&self, key: TopicKey) -> bool {
        self.topics
            .get(key as usize)
            .is_some_and(|entry| entry.live)
    }

    pub fn set_live(&mut self, key: TopicKey) {
        if let Some(entry) = self.topics.get_mut(key as usize) {
            entry.live = true;
        }
    }

    /// Adds a listener to a held topic; answers whether it is new there.
    pub fn listen(&mut self, id: ListenerId, key: TopicKey) -> bool {
        let places = self
            .listeners
            .entry(id)
            .or_insert_with(|| Vec::with_capacity(1));
        let Some(entry) = self.topics.get_mut(key as usize) else {
            return false;
        };
        if places.iter().any(|place| place.topic == key) {
            return false;
        }
        places.push(Place {
            topic: key,
            slot: entry.listeners.len() as u32,
        });
        entry.listeners.push(id);
        true
    }

    /// Takes a listener from one topic; `None` = it did not listen to it.
    pub fn unlisten(&mut self, id: ListenerId, topic: &str) -> Option<Interest> {
        let key = *self.names.get(topic)?;
        let places = self.listeners.get_mut(&id)?;
        let at = places.iter().position(|place| place.topic == key)?;
        let place = places.swap_remove(at);
        if places.is_empty() {
            self.listeners.remove(&id);
        }
        self.leave(place);
        Some(self.drop_unused(key))
    }

    /// Takes a listener from all its topics; answers those that lost their last interest.
    pub fn remove(&mut self, id: ListenerId) -> Vec<Topic> {
        let mut lost = Vec::new();
        for place in self.listeners.remove(&id).unwrap_or_default() {
            let topic = self
                .topics
                .get(place.topic as usize)
                .map(|entry| entry.topic.clone());
            self.leave(place);
            if self.drop_unused(place.topic) == Interest::Lost {
                lost.extend(topic);
            }
        }
        lost
    }

    /// Empties a slot in constant time: the topic's last listener moves into it.
    fn leave(&mut self, place: Place) {
        let Some(entry) = self.topics.get_mut(place.topic as usize) else {
            return;
        };
        let slot = place.slot as usize;
        if slot >= entry.listeners.len() {
            return;
        }
        entry.listeners.swap_remove(slot);
        let Some(moved) = entry.listeners.get(slot) else {
            return;
        };
        let places = self.listeners.get_mut(moved).into_iter().flatten();
        for other in places.filter(|other| other.topic == place.topic) {
            other.slot = place.slot;
        }
    }

    fn drop_unused(&mut self, key: TopicKey) -> Interest {
        let Some(entry) = self.topics.get(key as usize) else {
            return Interest::Kept;
        };
        if entry.pending > 0 || !entry.listeners.is_empty() {
            return Interest::Kept;
        }
        self.names.remove(&entry.topic);
        self.topics.remove(key as usize);
        Interest::Lost
    }

    pub fn key(&self, topic: &str) -> Option<TopicKey> {
        self.names.get(topic).copied()
    }

    pub fn topic(&self, key: TopicKey) -> Option<&Topic> {
        self.topics.get(key as usize).map(|entry| &entry.topic)
    }

    /// The listeners of a topic, in no order.
    pub fn listeners(&self, key: TopicKey) -> &[ListenerId] {
        self.topics
            .get(key as usize)
            .map_or(&[], |entry| &entry.listeners)
    }

    /// How many topics a listener listens to.
    pub fn topics_of(&self, id: ListenerId) -> usize {
        self.listeners.get(&id).map_or(0, Vec::len)
    }

    pub fn is_listening(&self, id: ListenerId, topic: &str) -> bool {
        let Some(key) = self.names.get(topic) else {
            return false;
        };
        self.listeners
            .get(&id)
            .is_some_and(|places| places.iter().any(|p| p.topic == *key))
    }

    /// Topics that somebody has an interest in.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn topic(n: u8) -> Topic {
        Topic::parse(&format!("t:{n}")).expect("a topic")
    }

    #[test]
    fn a_held_topic_outlives_its_last_listener() {
        let mut hub = Hub::default();
        let key = hub.hold(&topic(1));
        hub.listen(1, key);
        assert_eq!(hub.release(key), Interest::Kept);
        let again = hub.hold(&topic(1));
        assert_eq!(again, key);
        assert_eq!(
            hub.unlisten(1, "t:1"),
            Some(Interest::Kept),
            "a LISTEN waits"
        );
        assert_eq!(hub.release(key), Interest::Lost);
        assert!(hub.is_empty());
        assert_eq!(hub.unlisten(1, "t:1"), None);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Listen(u32, u8),
        Unlisten(u32, u8),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0u32..8, 0u8..5).prop_map(|(id, t)| Step::Listen(id, t)),
            2 => (0u32..8, 0u8..5).prop_map(|(id, t)| Step::Unlisten(id, t)),
            1 => (0u32..8).prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn it_does_what_a_map_of_sets_does(steps in proptest::collection::vec(step(), 0..200)) {
            let mut hub = Hub::default();
            let mut model: BTreeMap<u8, BTreeSet<u32>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Listen(id, t) => {
                        let key = hub.hold(&topic(t));
                        prop_assert_eq!(hub.listen(id, key), model.entry(t).or_default().insert(id));
                        prop_assert_eq!(hub.release(key), Interest::Kept);
                    }
                    Step::Unlisten(id, t) => {
                        let was = model.get_mut(&t).is_some_and(|set| set.remove(&id));
                        prop_assert_eq!(hub.unlisten(id, topic(t).as_str()).is_some(), was);
                    }
                    Step::Remove(id) => {
                        let _ = hub.remove(id);
                        model.values_mut().for_each(|set| { set.remove(&id); });
                    }
                }
                model.retain(|_, set| !set.is_empty());
                prop_assert_eq!(hub.len(), model.len());
                for (t, set) in &model {
                    let key = hub.key(topic(*t).as_str()).expect("listened to");
                    let mut listeners = hub.listeners(key).to_vec();
                    listeners.sort_unstable();
                    prop_assert_eq!(&listeners, &set.iter().copied().collect::<Vec<_>>());
                }
                for id in 0..8 {
                    let expected = model.values().filter(|set| set.contains(&id)).count();
                    prop_assert_eq!(hub.topics_of(id), expected);
                }
            }
        }
    }
}
