//! Rounds: publish some at once, wait until every listener has all of them, again.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::fleet::Fleet;
use crate::latency::Latencies;
use crate::meter::{Load, Meter};
use crate::publisher::Publisher;
use crate::target::Target;

const STALL: Duration = Duration::from_secs(10);

#[derive(Args)]
pub struct Fanout {
    #[arg(long, default_value_t = 1000)]
    listeners: usize,
    /// Publications in flight: this many are published at once, with one write.
    #[arg(long, default_value_t = 16)]
    burst: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
}

pub fn run(target: &Target, options: &Fanout) -> Result<Load> {
    let mut fleet = target.listeners(options.listeners)?;
    let mut publisher = target.publisher()?;
    let mut latencies = Latencies::default();
    let warm = Meter::start(target.pid)?;
    while warm.elapsed().as_secs_f64() < options.warm_up {
        round(&mut fleet, &mut publisher, options.burst, &mut latencies)?;
    }
    latencies.clear();
    let meter = Meter::start(target.pid)?;
    let mut rounds: u64 = 0;
    while meter.elapsed().as_secs_f64() < options.seconds {
        round(&mut fleet, &mut publisher, options.burst, &mut latencies)?;
        rounds += 1;
    }
    let spent = meter.stop()?;
    let deliveries = rounds * (options.burst * options.listeners) as u64;
    Ok(spent.load(deliveries, latencies, &fleet))
}

fn round(
    fleet: &mut Fleet,
    publisher: &mut Publisher,
    burst: usize,
    latencies: &mut Latencies,
) -> Result<()> {
    let sent = publisher.publish(burst)?;
    let goal = publisher.published();
    let mut missing = fleet.len();
    while missing > 0 {
        let before = missing;
        fleet.receive(STALL, |delivery| {
            if delivery.after >= goal {
                missing -= 1;
                latencies.add(delivery.at - sent);
            }
        })?;
        if missing == before && sent.elapsed() > STALL {
            bail!("{missing} listeners did not get publication {goal} in {STALL:?}");
        }
    }
    Ok(())
}
