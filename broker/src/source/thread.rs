//! The source's thread.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use tokio::sync::mpsc;

use super::Parts;
use super::config::IngestRule;
use super::ingest::{Given, IngestError, Ingested, Request};
use super::kafka::{Links, Member};
use super::mapping::{self, Fate, failure_of};
use super::numbers::TopicNumbers;
use crate::bus::Bus;
use crate::plugin::{CallError, Record, SourcePlugins};

/// Where a record that is not from Kafka says it is.
const NOWHERE: i64 = -1;

/// Serves until the lifecycle or the last [`super::Ingest`] ends.
pub(super) fn run(
    parts: Parts,
    rules: Arc<[IngestRule]>,
    requests: mpsc::Receiver<Request>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot make the source's runtime")?;
    runtime.block_on(live(parts, rules, requests))
}

/// The mapper plugins of all rules, by the rule's place.
pub(super) struct Mappers {
    plugins: SourcePlugins,
    rules: Arc<[IngestRule]>,
    numbers: Vec<TopicNumbers>,
    publication_bytes: usize,
}

impl Mappers {
    /// See [`mapping::map`].
    pub fn map(
        &mut self,
        rule: usize,
        records: &[Record<'_>],
        name: impl Fn(&Record<'_>) -> String,
    ) -> Result<Vec<Fate>, CallError> {
        let (Some(settings), Some(numbers)) = (self.rules.get(rule), self.numbers.get(rule)) else {
            return Err(CallError::Malformed);
        };
        numbers.batch.record(records.len() as f64);
        let mapper = settings.mapper.as_str();
        mapping::map(
            &mut self.plugins,
            mapper,
            records,
            name,
            self.publication_bytes,
        )
    }

    /// How often a failing record is tried again.
    pub fn retries(&self, rule: usize) -> u32 {
        let rule = self.rules.get(rule);
        rule.map_or(0, |rule| self.plugins.retries(&rule.mapper))
    }

    pub fn numbers(&self, rule: usize) -> &TopicNumbers {
        &self.numbers[rule]
    }
}

async fn live(
    parts: Parts,
    rules: Arc<[IngestRule]>,
    mut requests: mpsc::Receiver<Request>,
) -> anyhow::Result<()> {
    let Parts {
        config,
        node_id,
        plugins,
        bus,
        lifecycle,
        io,
        publication_bytes,
    } = parts;
    let mut member = None;
    if let Some(kafka) = &config.kafka {
        let links = Links {
            node_id,
            rules: rules.clone(),
            bus: bus.clone(),
            lifecycle: lifecycle.clone(),
            io: io.clone(),
        };
        member = Some(Member::join(kafka.clone(), links)?);
    }
    let changes = plugins.changes();
    let mut mappers = Mappers {
        plugins,
        numbers: rules.iter().map(|r| TopicNumbers::new(&r.topic)).collect(),
        rules,
        publication_bytes,
    };
    let (mut left, mut drains) = (None, false);
    loop {
        let turn = async {
            match &mut member {
                Some(member) => member.turn(&mut mappers).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = lifecycle.ended() => return Ok(()),
            () = lifecycle.draining(), if !drains => {
                left = member.take().map(Member::leave).transpose()?;
                drains = true;
            }
            () = changes.arrived() => {
                mappers.plugins.switch();
            }
            request = requests.recv() => match request {
                Some(request) => ingest(request, &mut mappers, &bus, &io),
                None => break,
            },
            done = turn => done?,
        }
    }
    if let Some(left) = left {
        tokio::select! {
            () = lifecycle.ended() => {}
            _ = left => {}
        }
    }
    Ok(())
}

fn ingest(request: Request, mappers: &mut Mappers, bus: &Bus, io: &tokio::runtime::Handle) {
    let Request { rule, record, done } = request;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let Given {
        key,
        headers,
        value,
    } = record;
    let rules = mappers.rules.clone();
    let Some(settings) = rules.get(rule) else {
        return;
    };
    let record = Record {
        topic: &settings.topic,
        partition: NOWHERE as i32,
        offset: NOWHERE,
        timestamp_ms: u64::try_from(now.as_millis()).ok(),
        key: key.as_deref(),
        headers: &headers,
        value: value.as_deref(),
    };
    let mapped = mappers.map(rule, &[record], |_| String::new());
    let fate = match mapped {
        Ok(mut fates) => fates.pop(),
        Err(error) => Some(Fate::Fail(failure_of(error))),
    };
    let numbers = mappers.numbers(rule).clone();
    let answer = match fate {
        Some(Fate::Publish(mut drafts)) if !drafts.is_empty() => {
            // Two requests are two records: the bus makes their ids.
            drafts
                .iter_mut()
                .for_each(|draft| draft.id = Box::default());
            let bus = bus.clone();
            io.spawn(async move {
                let published = bus.publish_heard(&mut drafts).await;
                match published {
                    Ok(()) => numbers.published.increment(1),
                    Err(_) => numbers.refused.increment(1),
                }
                let answer = published.map(|()| Ingested::Published(drafts.len()));
                // The caller may have gone.
                let _ = done.send(answer.map_err(IngestError::from));
            });
            return;
        }
        Some(Fate::Publish(_)) => {
            numbers.published.increment(1);
            Ok(Ingested::Published(0))
        }
        Some(Fate::Skip(reason)) => {
            numbers.skipped.increment(1);
            Ok(Ingested::Skipped(reason))
        }
        Some(Fate::Fail(failure)) => {
            numbers.refused.increment(1);
            Err(failure.into())
        }
        None => Err(failure_of(CallError::Malformed).into()),
    };
    let _ = done.send(answer);
}
