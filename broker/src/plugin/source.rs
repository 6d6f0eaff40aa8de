//! The plugins of a mapping thread: records of a source become publications.

use std::sync::Arc;
use std::time::Duration;

use super::bindings::mapper::exports::tidegate::mapper::mapper as wit;
use super::clock;
use super::config::{Grant, PluginConfig};
use super::error::CallError;
use super::instance::Fault;
use super::mailbox::{Mailbox, PluginChanges};
use super::seat::{Repeat, Seat};
use crate::topic::Pattern;

/// CPU time that a record adds to its batch's.
const RECORD: Duration = Duration::from_millis(1);
/// Longer codes and messages are malformed: they go to logs and dead letters.
const CODE_BYTES: usize = 256;
const MESSAGE_BYTES: usize = 4_096;

const PUBLISH: u8 = 0;
const SKIP: u8 = 1;
const FAIL: u8 = 2;

/// A record as the source has it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// Since 1970.
    pub timestamp_ms: Option<u64>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(String, Vec<u8>)],
    /// `None` = a tombstone.
    pub value: Option<&'a [u8]>,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In this order; may be none.
    Publish(Vec<Mapped>),
    Skip {
        reason: String,
    },
    Fail {
        code: String,
        message: String,
        retryable: bool,
    },
}

/// A publication as the plugin wants it: neither topic nor payload has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub topic: String,
    pub event: Option<String>,
    /// Should be JSON text.
    pub payload: String,
}

/// An instance of each mapper. Moved to the mapping thread and used only there.
pub struct SourcePlugins {
    names: Vec<String>,
    /// By plugin; `None` = it maps nothing.
    seats: Vec<Option<Seat>>,
    /// By plugin: the topics that it may publish on.
    grants: Vec<Vec<Pattern>>,
    deadline: Duration,
    mailbox: Arc<Mailbox>,
}

impl SourcePlugins {
    pub(super) fn new(
        config: &PluginConfig,
        seats: Vec<Option<Seat>>,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let specs = config.plugins.iter();
        Self {
            names: specs.clone().map(|spec| spec.name.clone()).collect(),
            seats,
            grants: specs.map(|spec| Grant::topics(&spec.grants)).collect(),
            deadline: config.map_deadline,
            mailbox,
        }
    }

    /// Asks a plugin what becomes of these records: one outcome each, in their order. Runs it on
    /// this thread for at most its CPU deadline (`plugins.map_deadline` and 1 ms a record). The
    /// records are copied into the plugin's memory: keep a batch well below
    /// `plugins.memory`. A batch that fails on a generation on probation is given to the one
    /// before it.
    ///
    /// # Errors
    ///
    /// The plugin gave no answer for the batch; the same batch may succeed later. After a trap
    /// the next calls answer `Restarting` until a fresh instance is there (milliseconds), and
    /// after a burst of them `Tripped`.
    pub fn map(&mut self, plugin: &str, records: &[Record<'_>]) -> Result<Vec<Outcome>, CallError> {
        let seat = self
            .position(plugin)
            .and_then(|at| self.seats.get_mut(at))
            .and_then(Option::as_mut)
            .ok_or(CallError::NotConfigured)?;
        let headers: Vec<Vec<wit::Header<'_>>> = records.iter().map(headers).collect();
        let lent: Vec<wit::SourceRecord<'_>> = records
            .iter()
            .zip(&headers)
            .map(|(record, headers)| lend(record, headers))
            .collect();
        let batch = u32::try_from(lent.len()).unwrap_or(u32::MAX);
        let deadline = self.deadline.saturating_add(RECORD.saturating_mul(batch));
        let (_, outcomes) =
            seat.call(clock::coarse_ms(), Repeat::OnThePrevious, |instance, _| {
                let told = instance.map(deadline, &lent)?;
                if told.len() != lent.len() {
                    return Err(malformed(format!(
                        "{} outcomes for {} records",
                        told.len(),
                        lent.len()
                    )));
                }
                told.into_iter().map(outcome).collect()
            })?;
        Ok(outcomes)
    }

    /// Whether this plugin's grant `publisher` has the topic.
    pub fn may_publish(&self, plugin: &str, topic: &str) -> bool {
        self.position(plugin)
            .and_then(|at| self.grants.get(at))
            .is_some_and(|patterns| patterns.iter().any(|pattern| pattern.matches(topic, "")))
    }

    /// How often a record is tried again on which this plugin failed with a retryable error, as
    /// the manifest of the generation that serves says.
    pub fn retries(&self, plugin: &str) -> u32 {
        self.position(plugin)
            .and_then(|at| self.seats.get(at))
            .and_then(Option::as_ref)
            .map_or(0, |seat| seat.generation().retries)
    }

    /// Tells when [`switch`](Self::switch) has something to do.
    pub fn changes(&self) -> PluginChanges {
        PluginChanges(self.mailbox.clone())
    }

    /// Takes up new generations and roll-backs; call it between batches. Without mail it costs a
    /// short lock. Returns whether another generation serves.
    pub fn switch(&mut self) -> bool {
        let mut switched = false;
        for post in self.mailbox.take() {
            let seat = self.seats.get_mut(post.origin().plugin);
            if let Some(seat) = seat.and_then(Option::as_mut) {
                switched |= seat.take_up(post);
            }
        }
        switched
    }

    fn position(&self, plugin: &str) -> Option<usize> {
        self.names.iter().position(|name| name == plugin)
    }
}

fn headers<'a>(record: &Record<'a>) -> Vec<wit::Header<'a>> {
    let headers = record.headers.iter();
    headers
        .map(|(name, value)| wit::Header { name, value })
        .collect()
}

fn lend<'a>(record: &Record<'a>, headers: &'a [wit::Header<'a>]) -> wit::SourceRecord<'a> {
    wit::SourceRecord {
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key,
        headers,
        value: record.value,
    }
}

fn outcome(told: wit::Outcome) -> Result<Outcome, Fault> {
    if told.code.len() > CODE_BYTES || told.message.len() > MESSAGE_BYTES {
        return Err(malformed(format!(
            "a code of {} bytes and a message of {}, at most {CODE_BYTES} and {MESSAGE_BYTES} are \
             taken",
            told.code.len(),
            told.message.len()
        )));
    }
    match told.kind {
        PUBLISH => Ok(Outcome::Publish(
            told.publications
                .into_iter()
                .map(|publication| Mapped {
                    topic: publication.topic,
                    event: publication.event,
                    payload: publication.payload,
                })
                .collect(),
        )),
        SKIP => Ok(Outcome::Skip {
            reason: told.message,
        }),
        FAIL => Ok(Outcome::Fail {
            code: told.code,
            message: told.message,
            retryable: told.retryable,
        }),
        other => Err(malformed(format!("an outcome of the unknown kind {other}"))),
    }
}

fn malformed(detail: String) -> Fault {
    Fault {
        kind: CallError::Malformed,
        detail,
    }
}
