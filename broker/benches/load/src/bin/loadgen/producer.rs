//! Writes records to Kafka, from the one thread that also listens (librdkafka sends on its own).

use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Producer {
    inner: BaseProducer,
    topic: String,
}

impl Producer {
    pub fn new(brokers: &str, topic: &str) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("acks", "all")
            // Records of one user stay in order when one of them has to be sent again.
            .set("enable.idempotence", "true")
            .set("linger.ms", "2");
        Ok(Self {
            inner: config.create().context("the producer")?,
            topic: topic.to_owned(),
        })
    }

    /// Hands over one record; waits only while librdkafka's queue is full.
    pub fn write(&self, key: &str, value: &str) -> Result<()> {
        let mut record = BaseRecord::to(&self.topic).key(key).payload(value);
        loop {
            match self.inner.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back)) if is_full(&error) => {
                    record = back;
                    self.inner.poll(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error).context("cannot write a record"),
            }
        }
    }

    /// Lets go of what Kafka has; wants to be called often.
    pub fn tidy(&self) {
        self.inner.poll(Duration::ZERO);
    }

    /// Waits until Kafka has all.
    pub fn flush(&self) -> Result<()> {
        self.inner.flush(PATIENCE).context("Kafka takes no records")
    }
}

fn is_full(error: &KafkaError) -> bool {
    *error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
}
