//! Records that failed for good, to their dead-letter topic.

use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use tracing::{debug, warn};

use super::client;
use super::context;
use super::partitions::Taken;
use crate::source::config::KafkaConfig;
use crate::source::mapping::Failure;

/// Between tries; the record's partition waits meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// A record, why it failed and where it goes.
#[derive(Debug)]
pub(super) struct DeadLetter {
    pub to: String,
    /// Where it comes from.
    pub topic: String,
    pub partition: i32,
    pub record: Taken,
    pub failure: Failure,
}

#[derive(Clone)]
pub(super) struct DeadLetters(FutureProducer<Log>);

struct Log;

impl ClientContext for Log {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        context::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        warn!(%error, reason, "kafka, dead letters");
    }
}

impl DeadLetters {
    pub fn new(config: &KafkaConfig, node_id: &str) -> Result<Self, KafkaError> {
        client::producer(config, node_id)
            .create_with_context(Log)
            .map(Self)
    }

    /// Resolves when all replicas have it, however long that takes.
    pub async fn send(&self, letter: &DeadLetter) {
        let mut with_value = true;
        while let Err(error) = self.try_send(letter, with_value).await {
            let DeadLetter { to, topic, .. } = letter;
            let offset = letter.record.offset;
            let partition = letter.partition;
            warn!(to, topic, partition, offset, %error, "kafka: a dead letter was not taken");
            let too_large = RDKafkaErrorCode::MessageSizeTooLarge;
            if with_value && error.rdkafka_error_code() == Some(too_large) {
                // Its headers still say where the whole record is.
                with_value = false;
                continue;
            }
            tokio::time::sleep(AGAIN).await;
        }
        debug!(to = letter.to, "kafka: dead letter sent");
    }

    async fn try_send(&self, letter: &DeadLetter, with_value: bool) -> Result<(), KafkaError> {
        let record = &letter.record;
        let mut headers = headers(letter);
        let mut message = FutureRecord::<[u8], [u8]>::to(&letter.to);
        if let Some(key) = &record.key {
            message = message.key(key);
        }
        match &record.value {
            Some(value) if with_value => message = message.payload(value),
            Some(_) => headers = add(headers, "tidegate-value", "left out: too large"),
            None => {}
        }
        let sent = self.0.send(message.headers(headers), Timeout::Never).await;
        sent.map(drop).map_err(|(error, _)| error)
    }
}

/// The record's own, then ours.
fn headers(letter: &DeadLetter) -> OwnedHeaders {
    let record = &letter.record;
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + 7);
    for (name, value) in &record.headers {
        headers = headers.insert(Header {
            key: name,
            value: Some(value),
        });
    }
    headers = add(headers, "tidegate-error-code", &letter.failure.code);
    headers = add(headers, "tidegate-error-message", &letter.failure.message);
    headers = add(headers, "tidegate-source-topic", &letter.topic);
    let partition = letter.partition.to_string();
    headers = add(headers, "tidegate-source-partition", &partition);
    headers = add(
        headers,
        "tidegate-source-offset",
        &record.offset.to_string(),
    );
    if let Some(timestamp) = record.timestamp_ms {
        headers = add(headers, "tidegate-source-timestamp", &timestamp.to_string());
    }
    headers
}

fn add(headers: OwnedHeaders, key: &str, value: &str) -> OwnedHeaders {
    headers.insert(Header {
        key,
        value: Some(value),
    })
}
