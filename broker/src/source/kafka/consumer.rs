//! The consumer on the source's thread: takes records, has them mapped, sends them off.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::Offset;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tracing::{info, warn};

use super::carry::{Cargo, Carrier, Tally};
use super::client;
use super::context::{Context, Shared};
use super::dead_letter::{DeadLetter, DeadLetters};
use super::partitions::{Batch, Bounds, Partitions, Taken};
use super::step::{Step, Then, judge};
use crate::bus::Bus;
use crate::shutdown::Lifecycle;
use crate::source::config::{IngestRule, KafkaConfig};
use crate::source::numbers::KafkaNumbers;
use crate::source::thread::Mappers;

/// Records taken in one turn; beyond it what is there is mapped first.
const TURN: usize = 2_000;
/// How often it is looked whether partitions are to be read, and librdkafka's events are served
/// while none is.
const TICK: Duration = Duration::from_millis(100);
/// A partition that holds too much for this long is paused; until then nothing is read, which is
/// cheaper, for a pause drops what was fetched ahead.
const FULL: Duration = Duration::from_secs(1);

pub(in crate::source) struct Consumer {
    consumer: StreamConsumer<Context>,
    rules: Arc<[IngestRule]>,
    shared: Arc<Shared>,
    carrier: Carrier,
    lifecycle: Lifecycle,
    io: tokio::runtime::Handle,
    partition_records: usize,
    tick: Interval,
}

/// What a consumer needs of the node.
#[derive(Clone)]
pub(in crate::source) struct Links {
    pub node_id: String,
    pub rules: Arc<[IngestRule]>,
    pub bus: Bus,
    pub lifecycle: Lifecycle,
    pub io: tokio::runtime::Handle,
}

impl Consumer {
    /// Joins the group. Needs a tokio runtime.
    pub fn start(config: &KafkaConfig, links: Links) -> anyhow::Result<Self> {
        let Links {
            node_id,
            rules,
            bus,
            lifecycle,
            io,
        } = links;
        let shared = Arc::new(Shared::new(Partitions::new(Bounds {
            batch_records: config.batch_records,
            partition_records: config.partition_records,
            buffer_bytes: config.buffer_bytes,
        })));
        let context = Context {
            shared: shared.clone(),
            rules: rules.clone(),
            numbers: KafkaNumbers::new(),
        };
        let has_dead_letters = rules.iter().any(|rule| rule.dead_letter.is_some());
        let dead_letters = has_dead_letters
            .then(|| DeadLetters::new(config, &node_id))
            .transpose()
            .context("kafka: the producer of dead letters")?;
        let carrier = Carrier {
            bus,
            shared: shared.clone(),
            dead_letters,
            publish_retries: context.numbers.publish_retries.clone(),
        };
        let consumer: StreamConsumer<Context> = client::consumer(config, &node_id)
            .create_with_context(context)
            .context("kafka")?;
        let topics: Vec<_> = rules.iter().map(|rule| rule.topic.as_str()).collect();
        consumer.subscribe(&topics).context("kafka")?;
        info!(
            brokers = config.brokers,
            group = config.group,
            topics = topics.join(" "),
            "kafka: joining the group"
        );
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            consumer,
            rules,
            shared,
            carrier,
            lifecycle,
            io,
            partition_records: config.partition_records,
            tick,
        })
    }

    /// Waits for something to do and does it. Cancel-safe.
    ///
    /// # Errors
    /// librdkafka has given this consumer up, such as when another member of the group took its
    /// `group.instance.id`: it will never read again.
    pub async fn turn(&mut self, mappers: &mut Mappers) -> Result<(), String> {
        let (due, hold) = {
            let mut partitions = self.shared.partitions();
            let hold = partitions.is_full() | partitions.note_full(Instant::now());
            (partitions.next_due(), hold)
        };
        tokio::select! {
            () = self.shared.changed() => {}
            _ = self.tick.tick() => {
                self.serve_events();
                if let Some((code, reason)) = self.consumer.client().fatal_error() {
                    return Err(format!("{code}: {reason}"));
                }
                self.pause_and_resume();
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            received = self.consumer.recv(), if !hold => {
                self.take_in(received);
                self.take_more();
            }
        }
        self.map_ready(mappers);
        self.consumer.context().store(&self.consumer);
        Ok(())
    }

    /// What librdkafka has to say, while nothing is received; a record that comes along is taken.
    fn serve_events(&self) {
        if let Some(received) = self.consumer.recv().now_or_never() {
            self.take_in(received);
        }
    }

    fn take_more(&self) {
        for _ in 0..TURN {
            let Some(received) = self.consumer.recv().now_or_never() else {
                break;
            };
            self.take_in(received);
        }
    }

    fn take_in(&self, received: KafkaResult<BorrowedMessage<'_>>) {
        match received {
            Ok(message) => {
                let mut rules = self.rules.iter();
                let rule = rules.position(|rule| rule.topic == message.topic());
                if let Some(rule) = rule {
                    let key = (rule, message.partition());
                    self.shared.partitions().push(key, taken(&message));
                }
            }
            Err(error) => self.shared.troubles.tell(&error, ""),
        }
    }

    fn pause_and_resume(&self) {
        let now = Instant::now();
        let live = self.lifecycle.is_bus_live();
        let most = self.partition_records;
        let (mut pause, mut resume, mut paused) = (Vec::new(), Vec::new(), 0_u32);
        let mut partitions = self.shared.partitions();
        for (key, partition) in partitions.iter_mut() {
            let since = partition.full_since;
            let stuck = since.is_some_and(|since| partition.is_waiting() || now - since >= FULL);
            let still_stuck = partition.paused && partition.held() > most / 2;
            let wanted = !live || stuck || still_stuck;
            paused += u32::from(wanted);
            if wanted != partition.paused {
                let list = if wanted { &mut pause } else { &mut resume };
                list.push((key, Offset::Invalid));
                partition.paused = wanted;
            }
        }
        let held = partitions.held();
        drop(partitions);
        let context = self.consumer.context();
        context.numbers.paused.set(paused);
        context.numbers.held.set(held as f64);
        let mut outcomes = Vec::new();
        if !pause.is_empty() {
            info!(
                partitions = pause.len(),
                bus_is_live = live,
                "kafka: paused"
            );
            outcomes.push(self.consumer.pause(&context.list(pause)));
        }
        if !resume.is_empty() {
            info!(partitions = resume.len(), "kafka: resumed");
            outcomes.push(self.consumer.resume(&context.list(resume)));
        }
        for error in outcomes.into_iter().filter_map(Result::err) {
            warn!(%error, "kafka: partitions that have left");
        }
    }

    fn map_ready(&self, mappers: &mut Mappers) {
        let ready = self.shared.partitions().ready(Instant::now());
        for key in ready {
            let batch = self.shared.partitions().take(key);
            if let Some(batch) = batch {
                self.map(batch, mappers);
            }
        }
    }

    fn map(&self, batch: Batch, mappers: &mut Mappers) {
        let (rule, partition) = batch.key;
        let Some(rule_settings) = self.rules.get(rule) else {
            return;
        };
        let topic = rule_settings.topic.as_str();
        let records: Vec<_> = batch
            .records
            .iter()
            .map(|record| record.record(topic, partition))
            .collect();
        let answer = mappers.map(rule, &records, |record| {
            format!("{topic}/{partition}/{}", record.offset)
        });
        let retries = mappers.retries(rule);
        let step = judge(
            answer,
            records.len(),
            batch.progress,
            retries,
            Instant::now(),
        );
        drop(records);
        if step.retries {
            mappers.numbers(rule).retries.increment(1);
        }
        self.send_off(rule_settings, batch, step, mappers);
    }

    /// Puts back what is not dealt with, and sends off what is.
    fn send_off(&self, rule: &IngestRule, batch: Batch, step: Step, mappers: &Mappers) {
        let key = batch.key;
        let wait = match step.then {
            Then::GoOn => None,
            Then::Wait(until) => Some(until),
        };
        let cargo = (step.done > 0).then(|| cargo(rule, &batch, step.done, wait, &step));
        let mut partitions = self.shared.partitions();
        partitions.put_back(batch, step.done, step.progress, step.then);
        let Some(mut cargo) = cargo else {
            return;
        };
        cargo.drafts = step.publish;
        let numbers = mappers.numbers(key.0).clone();
        if cargo.drafts.is_empty() && cargo.dead.is_empty() {
            drop(partitions);
            self.carrier.done(&cargo, &numbers);
            return;
        }
        // Spawned under the lock: it must not be settled before it is known to be out.
        let task = self.io.spawn(self.carrier.clone().carry(cargo, numbers));
        partitions.is_out(key, task.abort_handle());
    }
}

/// What is done with the first `done` records, their publications aside.
fn cargo(
    rule: &IngestRule,
    batch: &Batch,
    done: usize,
    wait: Option<Instant>,
    step: &Step,
) -> Cargo {
    let records = batch.records.get(..done).unwrap_or_default();
    let failed: Vec<_> = step
        .failed
        .iter()
        .filter_map(|(at, failure)| Some((records.get(*at)?, failure)))
        .collect();
    let dead: Vec<_> = match &rule.dead_letter {
        None => Vec::new(),
        Some(to) => failed
            .iter()
            .map(|(record, failure)| DeadLetter {
                to: to.clone(),
                topic: rule.topic.clone(),
                partition: batch.key.1,
                record: (*record).clone(),
                failure: (*failure).clone(),
            })
            .collect(),
    };
    // One line a batch: a producer that went wrong sends thousands.
    if let Some((record, failure)) = failed.first() {
        warn!(
            topic = rule.topic,
            partition = batch.key.1,
            offset = record.offset,
            code = failure.code,
            dead_letter = rule.dead_letter,
            records = failed.len(),
            "records failed, the first: {}",
            failure.message
        );
    }
    let gone = failed.len() as u64;
    let tally = Tally {
        made_ms: records.iter().filter_map(|r| r.timestamp_ms).collect(),
        published: (done - step.skipped) as u64 - gone,
        skipped: step.skipped as u64,
        dropped: gone - dead.len() as u64,
        dead: dead.len() as u64,
    };
    Cargo {
        key: batch.key,
        epoch: batch.epoch,
        drafts: Vec::new(),
        dead,
        next: records.last().map_or(0, |record| record.offset + 1),
        wait,
        tally,
    }
}

fn taken(message: &BorrowedMessage<'_>) -> Taken {
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    Taken {
        offset: message.offset(),
        timestamp_ms: message
            .timestamp()
            .to_millis()
            .and_then(|ms| u64::try_from(ms).ok()),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers
            .map(|header| {
                let value = header.value.unwrap_or_default();
                (header.key.to_owned(), value.to_vec())
            })
            .collect(),
        value: message.payload().map(<[u8]>::to_vec),
    }
}
