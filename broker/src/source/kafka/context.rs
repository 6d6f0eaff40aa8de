//! What librdkafka tells: rebalances, commits, statistics, its log.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::partitions::{Key, Partitions};
use super::troubles::Troubles;
use crate::source::config::IngestRule;
use crate::source::numbers::{self, KafkaNumbers};

/// What is on its way of partitions that are taken away is waited for so long: heard in time, it
/// is committed and not read again by the next owner.
const REVOKE_WAIT: Duration = Duration::from_secs(3);

/// The partitions, and who waits for something to change in them.
pub(super) struct Shared {
    partitions: Mutex<Partitions>,
    settled: Condvar,
    wake: Notify,
    pub troubles: Troubles,
}

impl Shared {
    pub fn new(partitions: Partitions) -> Self {
        Self {
            partitions: Mutex::new(partitions),
            settled: Condvar::new(),
            wake: Notify::new(),
            troubles: Troubles::default(),
        }
    }

    pub fn partitions(&self) -> MutexGuard<'_, Partitions> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`Partitions::settle`].
    pub fn settle(&self, key: Key, epoch: u64, next: i64, wait: Option<Instant>) {
        self.partitions().settle(key, epoch, next, wait);
        self.settled.notify_all();
        self.wake.notify_one();
    }

    /// Resolves when something was settled. Cancel-safe.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    fn wait_for(&self, keys: &[Key]) {
        let partitions = self.partitions();
        let waited = self
            .settled
            .wait_timeout_while(partitions, REVOKE_WAIT, |all| all.any_out(keys));
        let timed_out = waited.is_ok_and(|(_, outcome)| outcome.timed_out());
        if timed_out {
            warn!("records of revoked partitions are abandoned, their next owner reads them again");
        }
    }
}

pub(super) struct Context {
    pub shared: Arc<Shared>,
    pub rules: Arc<[IngestRule]>,
    pub numbers: KafkaNumbers,
}

impl Context {
    fn keys(&self, list: &TopicPartitionList) -> Vec<Key> {
        let elements = list.elements();
        let keys = elements.iter().filter_map(|element| {
            let rule = self.rules.iter().position(|r| r.topic == element.topic());
            Some((rule?, element.partition()))
        });
        keys.collect()
    }

    /// The list of partitions that librdkafka takes, with offsets.
    pub fn list(&self, keys: impl IntoIterator<Item = (Key, Offset)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for ((rule, partition), offset) in keys {
            let Some(rule) = self.rules.get(rule) else {
                continue;
            };
            if let Err(error) = list.add_partition_offset(&rule.topic, partition, offset) {
                error!(topic = rule.topic, partition, %error, "kafka: an impossible offset");
            }
        }
        list
    }

    /// Hands the offsets of what is done to librdkafka, which commits them in its interval, and
    /// at the latest when their partitions leave.
    pub fn store(&self, consumer: &impl Consumer<Self>) {
        let done = self.shared.partitions().take_done();
        if done.is_empty() {
            return;
        }
        let done = done
            .into_iter()
            .map(|(key, next)| (key, Offset::Offset(next)));
        if let Err(error) = consumer.store_offsets(&self.list(done)) {
            debug!(%error, "kafka: offsets of partitions that have left");
        }
    }

    fn assigned(&self, list: &TopicPartitionList) {
        let keys = self.keys(list);
        let mut partitions = self.shared.partitions();
        for key in &keys {
            partitions.assign(*key);
        }
        self.numbers.partitions.set(partitions.len() as f64);
        drop(partitions);
        if !keys.is_empty() {
            self.numbers.assigned.increment(1);
            info!(partitions = shown(list), "kafka: partitions assigned");
        }
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let keys = self.keys(list);
        if keys.is_empty() {
            return;
        }
        let lost = consumer.assignment_lost();
        if lost {
            self.numbers.lost.increment(1);
            warn!(partitions = shown(list), "kafka: partitions lost");
        } else {
            self.numbers.revoked.increment(1);
            self.shared.wait_for(&keys);
            self.store(consumer);
            info!(partitions = shown(list), "kafka: partitions revoked");
        }
        let mut partitions = self.shared.partitions();
        partitions.revoke(&keys);
        self.numbers.partitions.set(partitions.len() as f64);
        drop(partitions);
        for (rule, partition) in keys {
            if let Some(rule) = self.rules.get(rule) {
                numbers::lag(&rule.topic, partition).set(0.0);
            }
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned(list),
            Rebalance::Revoke(list) => self.revoked(consumer, list),
            Rebalance::Error(error) => warn!(%error, "kafka: the rebalance failed"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) => self.numbers.commits.increment(1),
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => {
                self.numbers.failed_commits.increment(1);
                warn!(%error, "kafka: offsets were not committed");
            }
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.shared.troubles.tell(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let assigned: Vec<Key> = self
            .shared
            .partitions()
            .iter_mut()
            .map(|(k, _)| k)
            .collect();
        for (rule, number) in assigned {
            let Some(rule) = self.rules.get(rule) else {
                continue;
            };
            let topic = statistics.topics.get(&rule.topic);
            let Some(seen) = topic.and_then(|topic| topic.partitions.get(&number)) else {
                continue;
            };
            // Without a committed offset the partition is read from its beginning.
            let done = seen.stored_offset.max(seen.committed_offset);
            let done = if done < 0 { seen.lo_offset } else { done };
            if seen.ls_offset >= 0 && done >= 0 {
                let lag = seen.ls_offset.saturating_sub(done).max(0);
                numbers::lag(&rule.topic, number).set(lag as f64);
            }
        }
    }
}

/// librdkafka's own log line.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => warn!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => info!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Debug => debug!(facility, "kafka: {message}"),
    }
}

fn shown(list: &TopicPartitionList) -> String {
    let elements = list.elements();
    let names = elements
        .iter()
        .map(|element| format!("{}/{}", element.topic(), element.partition()));
    names.collect::<Vec<_>>().join(" ")
}
