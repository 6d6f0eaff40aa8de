//! Which workers have a listener, by topic.

use std::collections::HashMap;

use smallvec::SmallVec;

use crate::topic::Topic;

/// `topic → workers`. Topics come from clients, so the map's hash is keyed.
#[derive(Debug, Default)]
pub struct Interest {
    topics: HashMap<Topic, SmallVec<[usize; 2]>>,
}

impl Interest {
    /// Notes that `worker` has listeners of `topic`; `true` when it is the first worker.
    pub fn add(&mut self, worker: usize, topic: &Topic) -> bool {
        if let Some(workers) = self.topics.get_mut(topic) {
            if !workers.contains(&worker) {
                workers.push(worker);
            }
            return false;
        }
        self.topics
            .insert(topic.clone(), SmallVec::from_slice(&[worker]));
        true
    }

    /// `true` when `worker` was the last one with listeners of `topic`.
    pub fn remove(&mut self, worker: usize, topic: &Topic) -> bool {
        let Some(workers) = self.topics.get_mut(topic) else {
            return false;
        };
        workers.retain(|known| *known != worker);
        if workers.is_empty() {
            self.topics.remove(topic);
            return true;
        }
        false
    }

    pub fn workers(&self, topic: &Topic) -> &[usize] {
        self.topics.get(topic).map_or(&[], |workers| workers)
    }

    /// How many topics have a listener.
    pub fn topics(&self) -> usize {
        self.topics.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_is_idempotent_per_worker_and_ends_with_the_last() {
        let topic = Topic::parse("a:b").expect("a topic");
        let mut interest = Interest::default();
        assert!(interest.add(0, &topic));
        assert!(!interest.add(0, &topic));
        assert!(!interest.add(3, &topic));
        assert_eq!(interest.workers(&topic), [0, 3]);

        assert!(!interest.remove(0, &topic));
        assert!(!interest.remove(0, &topic), "removed twice");
        assert_eq!(interest.workers(&topic), [3]);
        assert!(interest.remove(3, &topic));
        assert!(interest.topics() == 0 && interest.workers(&topic).is_empty());
        assert!(!interest.remove(3, &topic), "nobody was interested");
    }
}
