//! Checked settings of the sources.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceConfig {
    pub kafka: Option<KafkaConfig>,
    /// The topics that are read, each once.
    pub ingest: Vec<IngestRule>,
}

/// A topic and what becomes of its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestRule {
    pub topic: String,
    /// The plugin that maps its records.
    pub mapper: String,
    /// Where records go that the mapper fails on; `None` = they are dropped and counted.
    pub dead_letter: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port`, several with commas.
    pub brokers: String,
    /// The consumer group that all nodes share.
    pub group: String,
    pub username: Option<String>,
    /// Never logged.
    pub password: Option<String>,
    /// Passed to librdkafka, over this broker's own defaults. May hold secrets: never logged.
    pub properties: BTreeMap<String, String>,
    /// Records of one call of a mapper, at most.
    pub batch_records: usize,
    /// Records of one partition in memory, waiting or on their way; at this many it is not read.
    pub partition_records: usize,
    /// Bytes of records in memory over all partitions; at this many nothing is read.
    pub buffer_bytes: usize,
    /// How often offsets are committed; what came after the last commit is read again after a
    /// crash.
    pub commit_interval: Duration,
}

/// What is wrong with a topic's name (Kafka's own rule), phrased to follow it.
///
/// # Errors
/// It is empty, longer than 249 bytes, `.` or `..`, or has other characters.
pub fn check_topic(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if (1..=249).contains(&name.len()) && name.bytes().all(plain) && name != "." && name != ".." {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no Kafka topic (1 to 249 of A-Z a-z 0-9 . _ -)"
    ))
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: String::new(),
            group: "tidegate".to_owned(),
            username: None,
            password: None,
            properties: BTreeMap::new(),
            batch_records: 500,
            partition_records: 2_000,
            buffer_bytes: 32 << 20,
            commit_interval: Duration::from_millis(500),
        }
    }
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
