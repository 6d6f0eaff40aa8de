//! Subscriptions that workers wait for. Pure but for the senders that answer.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::channels::Wish;
use crate::topic::Topic;

/// Answers that wait, pruned as they grow: callers give up while Redis is down.
#[derive(Debug, Default)]
struct Waiters {
    all: Vec<oneshot::Sender<()>>,
    prune_at: usize,
}

impl Waiters {
    fn push(&mut self, done: oneshot::Sender<()>) {
        if self.all.len() >= self.prune_at.max(64) {
            self.all.retain(|done| !done.is_closed());
            self.prune_at = self.all.len() * 2;
        }
        self.all.push(done);
    }

    fn answer(&mut self) {
        for done in std::mem::take(&mut self.all) {
            // The caller may have given up; its worker unsubscribes then.
            let _ = done.send(());
        }
    }
}

/// Whether the link is up and, where topics have channels of their own, which of them are live.
#[derive(Debug)]
pub struct Awaiting {
    up: bool,
    /// Of the shared channel, which is live when the link is up.
    shared: Waiters,
    /// `None` where all topics are on the shared channel.
    topics: Option<HashMap<Topic, Wanted>>,
    number: u64,
}

#[derive(Debug)]
struct Wanted {
    number: u64,
    live: bool,
    waiters: Waiters,
}

impl Awaiting {
    pub fn new(channel_per_topic: bool) -> Self {
        Self {
            up: false,
            shared: Waiters::default(),
            topics: channel_per_topic.then(HashMap::new),
            number: 0,
        }
    }

    pub fn is_up(&self) -> bool {
        self.up
    }

    pub fn has_channel_per_topic(&self) -> bool {
        self.topics.is_some()
    }

    /// A worker subscribes and is answered when the topic is live. `first`: no other did. What is
    /// returned goes to the link.
    pub fn subscribe(
        &mut self,
        topic: &Topic,
        first: bool,
        done: oneshot::Sender<()>,
    ) -> Option<Wish> {
        let Some(topics) = &mut self.topics else {
            self.shared.push(done);
            if self.up {
                self.shared.answer();
            }
            return None;
        };
        let wish = first.then(|| {
            self.number += 1;
            Wish::Want(topic.clone(), self.number)
        });
        let wanted = topics.entry(topic.clone()).or_insert_with(|| Wanted {
            number: self.number,
            live: false,
            waiters: Waiters::default(),
        });
        wanted.waiters.push(done);
        if self.up && wanted.live {
            wanted.waiters.answer();
        }
        wish
    }

    /// No worker listens to `topic` any more.
    pub fn unsubscribe(&mut self, topic: &Topic) -> Option<Wish> {
        self.topics
            .as_mut()?
            .remove(topic)
            .map(|_| Wish::Unwant(topic.clone()))
    }

    /// The link is up: the shared channel is live, and so are these wishes.
    pub fn up(&mut self, live: Vec<(Topic, u64)>) {
        self.up = true;
        self.shared.answer();
        self.live(live);
    }

    /// These wishes are live; older ones of a topic that was given up in between are not.
    pub fn live(&mut self, live: Vec<(Topic, u64)>) {
        let Some(topics) = &mut self.topics else {
            return;
        };
        for (topic, number) in live {
            if let Some(wanted) = topics.get_mut(&topic)
                && wanted.number == number
            {
                wanted.live = true;
                wanted.waiters.answer();
            }
        }
    }

    pub fn down(&mut self) {
        self.up = false;
        for wanted in self.topics.iter_mut().flat_map(HashMap::values_mut) {
            wanted.live = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> Topic {
        Topic::parse(name).expect("a topic")
    }

    fn ask(
        awaiting: &mut Awaiting,
        name: &str,
        first: bool,
    ) -> (Option<Wish>, oneshot::Receiver<()>) {
        let (done, answer) = oneshot::channel();
        (awaiting.subscribe(&topic(name), first, done), answer)
    }

    #[test]
    fn on_the_shared_channel_all_are_answered_when_the_link_is_up() {
        let mut awaiting = Awaiting::new(false);
        let (wish, mut answer) = ask(&mut awaiting, "a", true);
        assert_eq!(wish, None);
        assert!(answer.try_recv().is_err());
        awaiting.up(Vec::new());
        assert!(answer.try_recv().is_ok());
        assert!(ask(&mut awaiting, "b", true).1.try_recv().is_ok());
        awaiting.down();
        assert!(ask(&mut awaiting, "b", false).1.try_recv().is_err());
    }

    #[test]
    fn an_acknowledgement_of_an_older_wish_answers_nobody() {
        let mut awaiting = Awaiting::new(true);
        awaiting.up(Vec::new());
        let (wish, mut given_up) = ask(&mut awaiting, "a", true);
        assert_eq!(wish, Some(Wish::Want(topic("a"), 1)));
        assert_eq!(
            awaiting.unsubscribe(&topic("a")),
            Some(Wish::Unwant(topic("a")))
        );
        let (wish, mut answer) = ask(&mut awaiting, "a", true);
        assert_eq!(wish, Some(Wish::Want(topic("a"), 2)));

        awaiting.live(vec![(topic("a"), 1)]);
        assert!(given_up.try_recv().is_err() && answer.try_recv().is_err());
        awaiting.live(vec![(topic("a"), 2)]);
        assert!(answer.try_recv().is_ok());
    }

    #[test]
    fn a_second_worker_waits_for_the_first_ones_subscription() {
        let mut awaiting = Awaiting::new(true);
        awaiting.up(Vec::new());
        let (_, mut first) = ask(&mut awaiting, "a", true);
        let (wish, mut second) = ask(&mut awaiting, "a", false);
        assert_eq!(wish, None);
        assert!(second.try_recv().is_err());
        awaiting.live(vec![(topic("a"), 1)]);
        assert!(first.try_recv().is_ok() && second.try_recv().is_ok());
        assert!(
            ask(&mut awaiting, "a", false).1.try_recv().is_ok(),
            "live already"
        );
    }

    #[test]
    fn while_the_link_is_down_nobody_is_answered() {
        let mut awaiting = Awaiting::new(true);
        awaiting.up(Vec::new());
        ask(&mut awaiting, "a", true);
        awaiting.live(vec![(topic("a"), 1)]);
        awaiting.down();
        let (_, mut answer) = ask(&mut awaiting, "a", false);
        assert!(answer.try_recv().is_err());
        awaiting.up(vec![(topic("a"), 1)]);
        assert!(answer.try_recv().is_ok());
    }

    #[test]
    fn waiters_that_gave_up_do_not_gather() {
        let mut awaiting = Awaiting::new(false);
        for _ in 0..100_000 {
            ask(&mut awaiting, "a", false);
        }
        assert!(
            awaiting.shared.all.len() <= 128,
            "{}",
            awaiting.shared.all.len()
        );
    }
}
