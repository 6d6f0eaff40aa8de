//! Publications at a steady rate, whatever comes of them; optionally while a file is rewritten.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::latency::Latencies;
use crate::meter::{Load, Meter};
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
    /// A settings file to rewrite while publications go on: its text with one more comment line.
    #[arg(long)]
    rewrite: Option<PathBuf>,
    #[arg(long, default_value_t = 1.0)]
    rewrite_every: f64,
}

#[derive(Serialize)]
pub struct PacedLoad {
    #[serde(flatten)]
    load: Load,
    rewrites: u64,
}

pub fn run(target: &Target, options: &Paced) -> Result<PacedLoad> {
    let mut fleet = target.listeners(options.listeners)?;
    let mut publisher = target.publisher()?;
    let mut rewriter = options.rewrite.clone().map(Rewriter::new).transpose()?;
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
        if let Some(rewriter) = &mut rewriter {
            rewriter.keep_up(now / options.rewrite_every)?;
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
        rewrites: rewriter.map_or(0, |rewriter| rewriter.done),
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

/// Rewrites a file by rename, as an editor does, and leaves it as it was.
struct Rewriter {
    path: PathBuf,
    original: String,
    done: u64,
}

impl Rewriter {
    fn new(path: PathBuf) -> Result<Self> {
        let original = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self {
            path,
            original,
            done: 0,
        })
    }

    fn keep_up(&mut self, due: f64) -> Result<()> {
        if (self.done as f64) < due.floor() {
            self.done += 1;
            self.write(&format!("{}\n# rewrite {}\n", self.original, self.done))?;
        }
        Ok(())
    }

    fn write(&self, text: &str) -> Result<()> {
        let temporary = self.path.with_extension("rewriting");
        fs::write(&temporary, text)?;
        fs::rename(&temporary, &self.path).with_context(|| self.path.display().to_string())
    }
}

impl Drop for Rewriter {
    fn drop(&mut self) {
        if let Err(error) = self.write(&self.original) {
            eprintln!("loadgen: cannot put the settings file back: {error:#}");
        }
    }
}
