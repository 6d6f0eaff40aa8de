//! What the sources count.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

/// Of one topic.
#[derive(Clone)]
pub(super) struct TopicNumbers {
    pub published: Counter,
    pub skipped: Counter,
    pub dead_lettered: Counter,
    pub dropped: Counter,
    /// Given in by HTTP and failed: the caller has been told.
    pub refused: Counter,
    pub retries: Counter,
    pub age: Histogram,
    pub batch: Histogram,
}

impl TopicNumbers {
    pub fn new(topic: &str) -> Self {
        let outcome = |outcome: &'static str| counter!("tidegate_source_records_total", "topic" => topic.to_owned(), "outcome" => outcome);
        Self {
            published: outcome("published"),
            skipped: outcome("skipped"),
            dead_lettered: outcome("dead-lettered"),
            dropped: outcome("dropped"),
            refused: outcome("refused"),
            retries: counter!("tidegate_source_retries_total", "topic" => topic.to_owned()),
            age: histogram!("tidegate_source_record_age_seconds", "topic" => topic.to_owned()),
            batch: histogram!("tidegate_source_batch_records", "topic" => topic.to_owned()),
        }
    }
}

/// Of the consumer as a whole.
pub(super) struct KafkaNumbers {
    pub commits: Counter,
    pub failed_commits: Counter,
    pub assigned: Counter,
    pub revoked: Counter,
    pub lost: Counter,
    pub partitions: Gauge,
    pub paused: Gauge,
    pub held: Gauge,
    pub publish_retries: Counter,
    pub restarts: Counter,
}

impl KafkaNumbers {
    pub fn new() -> Self {
        let rebalance =
            |kind: &'static str| counter!("tidegate_kafka_rebalances_total", "kind" => kind);
        let commits =
            |outcome: &'static str| counter!("tidegate_kafka_commits_total", "outcome" => outcome);
        Self {
            commits: commits("done"),
            failed_commits: commits("failed"),
            assigned: rebalance("assigned"),
            revoked: rebalance("revoked"),
            lost: rebalance("lost"),
            partitions: gauge!("tidegate_kafka_partitions"),
            paused: gauge!("tidegate_kafka_paused_partitions"),
            held: gauge!("tidegate_kafka_held_records"),
            publish_retries: counter!("tidegate_kafka_publish_retries_total"),
            restarts: counter!("tidegate_kafka_restarts_total"),
        }
    }
}

/// Records of a partition that are not committed yet.
pub(super) fn lag(topic: &str, partition: i32) -> Gauge {
    gauge!("tidegate_kafka_lag", "topic" => topic.to_owned(), "partition" => partition.to_string())
}

pub fn describe_metrics() {
    describe_counter!(
        "tidegate_source_records_total",
        "Records from Kafka and POST /ingest that are done with, by topic and outcome: published, skipped (by the mapper), dead-lettered, dropped (failed, no dead-letter topic is set), refused (failed, POST /ingest was told)"
    );
    describe_counter!(
        "tidegate_source_retries_total",
        "Failed records that the mapper was asked about again, by topic"
    );
    describe_histogram!(
        "tidegate_source_record_age_seconds",
        Unit::Seconds,
        "From a record's timestamp to when its publications were heard back from the bus, by topic"
    );
    describe_histogram!(
        "tidegate_source_batch_records",
        "Records of one call of a mapper, by topic"
    );
    describe_gauge!(
        "tidegate_kafka_lag",
        "Records of an assigned partition that this node is not done with, by topic and partition; 0 once it is another node's"
    );
    describe_gauge!(
        "tidegate_kafka_partitions",
        "Partitions that are assigned to this node"
    );
    describe_gauge!(
        "tidegate_kafka_paused_partitions",
        "Assigned partitions that are not read: the bus is not live, or too many of their records wait"
    );
    describe_gauge!(
        "tidegate_kafka_held_records",
        "Records in memory, waiting or on their way to the bus"
    );
    describe_counter!(
        "tidegate_kafka_commits_total",
        "Commits of offsets, by outcome: done or failed"
    );
    describe_counter!(
        "tidegate_kafka_rebalances_total",
        "Changes of this node's assignment, by kind: assigned, revoked, lost"
    );
    describe_counter!(
        "tidegate_kafka_publish_retries_total",
        "Batches published again because the bus did not send them back"
    );
    describe_counter!(
        "tidegate_kafka_restarts_total",
        "Consumers made anew after an error that librdkafka does not recover from"
    );
}
