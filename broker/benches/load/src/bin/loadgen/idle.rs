//! What a connection that does nothing costs, and what opening it costs.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::meter::Meter;
use crate::procfs::Memory;
use crate::target::Target;

/// Opened before the first look at the server's memory, so that what is there once (tables,
/// buffers, the allocator's first pages) is not counted.
const WARM_UP: usize = 100;

#[derive(Args)]
pub struct Idle {
    #[arg(long, default_value_t = 15_000)]
    connections: usize,
    /// Each connection listens to a topic of its own, `user:<subject>:notification`.
    #[arg(long)]
    own_topic: bool,
}

#[derive(Serialize)]
pub struct IdleMemory {
    connections: usize,
    rss_bytes_per_connection: f64,
    pss_bytes_per_connection: f64,
    rss_before: u64,
    rss_after: u64,
}

#[derive(Args)]
pub struct Accept {
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

#[derive(Serialize)]
pub struct Accepted {
    connections: usize,
    per_second: f64,
    cpu_ns_per_connection: f64,
    server_cpu: f64,
    generator_cpu: f64,
}

pub fn run(target: &Target, options: &Idle) -> Result<IdleMemory> {
    let mut fleet = target.fleet()?;
    let script = |number: usize| {
        let topic = format!("user:load-{number}:notification");
        target.script(number, options.own_topic.then_some(topic.as_str()))
    };
    fleet.open(WARM_UP, 0, script)?;
    let before = settled(target.pid)?;
    fleet.open(options.connections, 0, script)?;
    let after = settled(target.pid)?;
    let connections = options.connections.saturating_sub(WARM_UP);
    let each = |after: u64, before: u64| (after as f64 - before as f64) / connections.max(1) as f64;
    Ok(IdleMemory {
        connections,
        rss_bytes_per_connection: each(after.rss_bytes, before.rss_bytes),
        pss_bytes_per_connection: each(after.pss_bytes, before.pss_bytes),
        rss_before: before.rss_bytes,
        rss_after: after.rss_bytes,
    })
}

/// The server's memory once three looks in a row agree within 1 %.
fn settled(pid: u32) -> Result<Memory> {
    let mut last = Memory::of(pid)?;
    let mut agreed = 0;
    for _ in 0..40 {
        thread::sleep(Duration::from_millis(250));
        let now = Memory::of(pid)?;
        let same = now.rss_bytes.abs_diff(last.rss_bytes) * 100 <= last.rss_bytes;
        agreed = if same { agreed + 1 } else { 0 };
        last = now;
        if agreed == 3 {
            break;
        }
    }
    Ok(last)
}

pub fn accept(target: &Target, options: &Accept) -> Result<Accepted> {
    let mut fleet = target.fleet()?;
    let upgrade_only = |_: usize| Vec::new();
    fleet.open(WARM_UP, 0, upgrade_only)?;
    let meter = Meter::start(target.pid)?;
    fleet.open(options.connections + WARM_UP, 0, upgrade_only)?;
    let spent = meter.stop()?;
    let count = options.connections as u64;
    Ok(Accepted {
        connections: options.connections,
        per_second: spent.a_second(count),
        cpu_ns_per_connection: spent.per(count),
        server_cpu: spent.server_share(),
        generator_cpu: spent.generator_share(),
    })
}
