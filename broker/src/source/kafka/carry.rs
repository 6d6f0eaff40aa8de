//! A step's publications on their way: until this node heard them back and the dead letters are
//! acknowledged.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::context::Shared;
use super::dead_letter::{DeadLetter, DeadLetters};
use super::partitions::Key;
use crate::bus::Bus;
use crate::publication::Draft;
use crate::source::numbers::TopicNumbers;

/// Waits between two tries to publish while the bus is away; doubled from the first to the last.
const AGAIN: Duration = Duration::from_millis(50);
const LONGEST_AGAIN: Duration = Duration::from_secs(1);

/// What is carried, and for whom.
pub(super) struct Cargo {
    pub key: Key,
    pub epoch: u64,
    pub drafts: Vec<Draft>,
    pub dead: Vec<DeadLetter>,
    /// The offset after the last record.
    pub next: i64,
    /// The partition goes on then.
    pub wait: Option<Instant>,
    pub tally: Tally,
}

/// What to count once it is done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// When the published records were made, in milliseconds since 1970.
    pub made_ms: Vec<u64>,
    pub published: u64,
    pub skipped: u64,
    pub dropped: u64,
    pub dead: u64,
}

/// Who carries.
#[derive(Clone)]
pub(super) struct Carrier {
    pub bus: Bus,
    pub shared: Arc<Shared>,
    pub dead_letters: Option<DeadLetters>,
    pub publish_retries: metrics::Counter,
}

impl Carrier {
    /// Ends when everything is done; aborted, nothing is settled.
    pub async fn carry(self, mut cargo: Cargo, numbers: TopicNumbers) {
        self.publish(&mut cargo.drafts).await;
        if let Some(dead_letters) = &self.dead_letters {
            join_all(cargo.dead.iter().map(|letter| dead_letters.send(letter))).await;
        }
        self.done(&cargo, &numbers);
    }

    /// Counts and settles.
    pub fn done(&self, cargo: &Cargo, numbers: &TopicNumbers) {
        cargo.tally.count(numbers);
        self.shared
            .settle(cargo.key, cargo.epoch, cargo.next, cargo.wait);
    }

    /// The ids stay the same, so that what was heard before is not heard again.
    async fn publish(&self, drafts: &mut [Draft]) {
        let mut again = AGAIN;
        while !drafts.is_empty() && self.bus.publish_heard(drafts).await.is_err() {
            self.publish_retries.increment(1);
            sleep(again).await;
            again = (again * 2).min(LONGEST_AGAIN);
        }
    }
}

impl Tally {
    fn count(&self, numbers: &TopicNumbers) {
        numbers.published.increment(self.published);
        numbers.skipped.increment(self.skipped);
        numbers.dropped.increment(self.dropped);
        numbers.dead_lettered.increment(self.dead);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        for made in &self.made_ms {
            let age = now.saturating_sub(Duration::from_millis(*made));
            numbers.age.record(age.as_secs_f64());
        }
    }
}
