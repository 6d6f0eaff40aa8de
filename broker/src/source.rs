//! Records from outside that a mapper plugin turns into publications: from Kafka, and one by one
//! from whoever holds an [`Ingest`] (`POST /ingest/{topic}`).
//!
//! One thread takes records, maps them and hands the publications to tasks on the I/O runtime; it
//! owns the mappers' instances. A record counts as done when this node heard all its publications
//! back from the bus, or when the dead-letter topic has it; only then its offset is committed.

pub mod config;
mod ingest;
mod kafka;
mod mapping;
mod numbers;
mod thread;

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use tokio::sync::mpsc;

pub use config::{IngestRule, KafkaConfig, SourceConfig, check_topic};
pub use ingest::{Given, Ingest, IngestError, Ingested};
pub use kafka::check_properties;
pub use numbers::describe_metrics;

use crate::bus::Bus;
use crate::plugin::SourcePlugins;
use crate::shutdown::Lifecycle;

/// What the source is made of.
pub struct Parts {
    pub config: SourceConfig,
    pub node_id: String,
    pub plugins: SourcePlugins,
    pub bus: Bus,
    pub lifecycle: Lifecycle,
    /// The runtime that waits for the bus and for Kafka's acknowledgements.
    pub io: tokio::runtime::Handle,
    /// The largest payload of a publication, in bytes.
    pub publication_bytes: usize,
}

/// Starts the source's thread; `None` when no topic is ingested. It leaves its consumer group when
/// the drain begins, and ends with the lifecycle or the last [`Ingest`].
///
/// # Errors
/// Kafka's settings are wrong or a thread cannot be made. A Kafka that is down is no error.
pub fn start(parts: Parts) -> anyhow::Result<(Ingest, Option<JoinHandle<anyhow::Result<()>>>)> {
    if parts.config.ingest.is_empty() {
        return Ok((Ingest::default(), None));
    }
    let rules: Arc<[IngestRule]> = parts.config.ingest.clone().into();
    let (requests, received) = mpsc::channel(ingest::WAITING);
    let ingest = Ingest::new(rules.clone(), requests);
    let thread = std::thread::Builder::new()
        .name("tidegate-source".to_owned())
        .spawn(move || thread::run(parts, rules, received))
        .context("cannot start the source's thread")?;
    Ok((ingest, Some(thread)))
}
