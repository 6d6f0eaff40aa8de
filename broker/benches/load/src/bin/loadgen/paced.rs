//! Publications at a steady rate, whatever comes of them; optionally while a file is rewritten.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use crate::latency::Latencies;
use crate::meter::{Load, Meter};
use crate::saver::Saver;
use crate::target::Target;

const STALL: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct Paced {
    #[arg(long, default_value_t = 200)]
    listeners: usize,
    /// Publications a second, evenly spread.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// A settings file to save again and again while publications go on.
    #[arg(long, requires = "save_key")]
    save: Option<PathBuf>,
    /// The number in it that is another one each time; what only looks different is no change.
    #[arg(long)]
    save_key: Option<String>,
    /// Seconds between two saves.
    #[arg(long, default_value_t = 1.0)]
    save_every: f64,
}

#[derive(Serialize)]
pub struct PacedLoad {
    #[serde(flatten)]
    load: Load,
    saves: u64,
}

pub fn run(target: &Target, options: &Paced) -> Result<PacedLoad> {
    let mut fleet = target.listeners(options.listeners)?;
    let mut publisher = target.publisher()?;
    let saved = options.save.as_ref().zip(options.save_key.as_ref());
    let mut saver = saved.map(|(path, key)| Saver::new(path, key)).transpose()?;
    let mut latencies = Latencies::default();
    let mut flight = Flight::default();
    let meter = Meter::start(target.pid)?;
    let started = Instant::now();
    let total = (options.rate * options.seconds) as u64;
    let mut deliveries: u64 = 0;
    let listeners = fleet.len() as u64;
    let mut progress = Instant::now();
    while deliveries < total * listeners {
        let now = started.elapsed().as_secs_f64();
        let due = ((now * options.rate) as u64 + 1).min(total);
        while publisher.published() < due {
            flight.publish(publisher.publish(1)?);
        }
        if let Some(saver) = &mut saver {
            saver.keep_up(now / options.save_every)?;
        }
        let next = if due == total {
            0.05
        } else {
            (due as f64 / options.rate - now).max(0.0)
        };
        fleet.receive(Duration::from_secs_f64(next), |delivery| {
            deliveries += delivery.after - delivery.before;
            progress = delivery.at;
            for number in delivery.before..delivery.after {
                latencies.add(delivery.at - flight.sent(number));
            }
        })?;
        if progress.elapsed() > STALL {
            bail!(
                "{deliveries} of {} deliveries, then none for {STALL:?}",
                total * listeners
            );
        }
    }
    let spent = meter.stop()?;
    Ok(PacedLoad {
        load: spent.load(deliveries, latencies, &fleet),
        saves: saver.map_or(0, |saver| saver.saves()),
    })
}

/// When each publication was sent.
#[derive(Default)]
struct Flight(VecDeque<Instant>);

impl Flight {
    fn publish(&mut self, at: Instant) {
        self.0.push_back(at);
    }

    fn sent(&self, number: u64) -> Instant {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        self.0.get(index).copied().unwrap_or_else(Instant::now)
    }
}
