//! Records at a steady rate, then a backlog of them: each is for one user, and the clock stops when
//! that user's socket has it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::fleet::Fleet;
use crate::latency::Latencies;
use crate::meter::{Load, Meter};
use crate::procfs::CoreTime;
use crate::producer::Producer;
use crate::sample;
use crate::target::{Target, user};

/// A consumer group takes seconds to form.
const FIRST: Duration = Duration::from_secs(60);
const STALL: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_secs(1);
/// Records that fall due are written so often: a core that Kafka shares is not woken for each.
const TICK: Duration = Duration::from_millis(1);

#[derive(Args)]
pub struct Notifications {
    /// Kafka, `host:port`.
    #[arg(long)]
    brokers: String,
    /// The topic of the records, which the server reads already.
    #[arg(long)]
    records: String,
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Records a second.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// At the same rate, before anything is measured.
    #[arg(long, default_value_t = 3.0)]
    warm_up: f64,
    /// Records that Kafka has before the server goes on reading.
    #[arg(long, default_value_t = 100_000)]
    backlog: u64,
}

#[derive(Serialize)]
pub struct Notified {
    steady: Stage,
    backlog: Stage,
}

#[derive(Serialize)]
struct Stage {
    #[serde(flatten)]
    load: Load,
    /// Share of the generator's core that was busy: Kafka's, if it runs there, and all others'
    /// included.
    core: f64,
}

pub fn run(target: &Target, options: &Notifications) -> Result<Notified> {
    ensure!(options.users > 0, "--users must be 1 or more");
    let mut stream = Stream {
        fleet: target.users(options.users)?,
        producer: Producer::new(&options.brokers, &options.records)?,
        written: 0,
        arrived: 0,
    };
    stream.first()?;
    stream.steady(options.rate, options.warm_up)?;
    let clock = Clock::start(target.pid)?;
    let latencies = stream.steady(options.rate, options.seconds)?;
    let steady = clock.stop(latencies, &stream.fleet)?;
    let backlog = stream.backlog(options.backlog, target.pid)?;
    Ok(Notified { steady, backlog })
}

/// What a stage costs the server and the generator's core.
struct Clock {
    meter: Meter,
    core: CoreTime,
}

impl Clock {
    fn start(pid: u32) -> Result<Self> {
        Ok(Self {
            meter: Meter::start(pid)?,
            core: CoreTime::here()?,
        })
    }

    fn stop(self, latencies: Latencies, fleet: &Fleet) -> Result<Stage> {
        let core = self.core.again()?.busy_since(self.core);
        let spent = self.meter.stop()?;
        Ok(Stage {
            load: spent.load(latencies.count(), latencies, fleet),
            core,
        })
    }
}

/// Record `n` is for user `n % users`, and is that user's `n / users`th.
struct Stream {
    fleet: Fleet,
    producer: Producer,
    written: u64,
    arrived: u64,
}

impl Stream {
    /// One record for each user: the server reads now.
    fn first(&mut self) -> Result<()> {
        self.write(self.fleet.len() as u64)?;
        self.drain(FIRST, |_, _| {})
    }

    /// Writes for some time and waits until all has arrived. A record's time begins when it was
    /// due, so that a generator that lags hides nothing.
    fn steady(&mut self, rate: f64, seconds: f64) -> Result<Latencies> {
        let (first, total) = (self.written, (rate * seconds) as u64);
        let mut latencies = Latencies::default();
        let started = Instant::now();
        let mut took = |record: u64, at: Instant| {
            let due = (record - first) as f64 / rate;
            latencies.add(at.saturating_duration_since(started + Duration::from_secs_f64(due)));
        };
        while self.written < first + total {
            let due = ((started.elapsed().as_secs_f64() * rate) as u64).min(total);
            self.write(first + due - self.written)?;
            self.receive(TICK, &mut took)?;
        }
        self.drain(STALL, took)?;
        Ok(latencies)
    }

    /// Halts the server until Kafka has `count` records more, then lets it go.
    fn backlog(&mut self, count: u64, pid: u32) -> Result<Stage> {
        let server = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let server = server.context("the server's process id")?;
        kill_process(server, Signal::STOP)?;
        self.write(count)?;
        self.producer.flush()?;
        let clock = Clock::start(pid)?;
        kill_process(server, Signal::CONT)?;
        let mut latencies = Latencies::default();
        let started = Instant::now();
        self.drain(STALL, |_, at| latencies.add(at - started))?;
        clock.stop(latencies, &self.fleet)
    }

    fn write(&mut self, count: u64) -> Result<()> {
        let users = self.fleet.len() as u64;
        for _ in 0..count {
            let text = sample::payload(self.written / users + 1);
            let key = user((self.written % users) as usize);
            self.producer
                .write(&key, &format!(r#"{{"text":"{text}"}}"#))?;
            self.written += 1;
        }
        Ok(())
    }

    /// Receives until all that was written is there.
    fn drain(&mut self, patience: Duration, mut took: impl FnMut(u64, Instant)) -> Result<()> {
        let mut progress = Instant::now();
        while self.arrived < self.written {
            let before = self.arrived;
            self.receive(LOOK, &mut took)?;
            if self.arrived > before {
                progress = Instant::now();
            } else if progress.elapsed() > patience {
                let missing = self.written - self.arrived;
                bail!(
                    "{missing} of {} records did not arrive in {patience:?}",
                    self.written
                );
            }
        }
        Ok(())
    }

    /// Waits at most `timeout` and tells `took` which records arrived when.
    fn receive(&mut self, timeout: Duration, took: &mut impl FnMut(u64, Instant)) -> Result<()> {
        self.producer.tidy();
        let users = self.fleet.len() as u64;
        let (written, arrived) = (self.written, &mut self.arrived);
        let mut surplus = None;
        self.fleet.receive(timeout, |delivery| {
            for index in delivery.before..delivery.after {
                let record = index * users + delivery.listener as u64;
                if record >= written {
                    surplus = Some(delivery.listener);
                    return;
                }
                *arrived += 1;
                took(record, delivery.at);
            }
        })?;
        match surplus {
            Some(listener) => bail!("{} got more than was written for it", user(listener)),
            None => Ok(()),
        }
    }
}
