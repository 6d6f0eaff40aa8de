//! What a connection costs that does nothing, and what opening it costs.

use anyhow::Result;

use super::Extent;
use super::fanout::SATURATED;
use super::kit::Kit;
use super::load::{self, Accepted, Idle, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros, thousands};

pub fn memory(kit: &Kit, servers: &[Server], extent: Extent) -> Result<Vec<Table>> {
    let title = format!(
        "Memory of the server per idle connection, {} connections, bytes (the kernel's part is \
         not in it)",
        thousands(extent.idle_connections as f64)
    );
    let head = [
        "server",
        "one topic for all: RSS",
        "PSS",
        "a topic each: RSS",
        "PSS",
    ];
    let mut table = Table::new(title, &head);
    for &server in servers {
        let mut cells = vec![server.name().to_owned()];
        for topics in [None, Some("--own-topic")] {
            eprintln!("idle: {} {}", server.name(), topics.unwrap_or_default());
            // A server of its own: what the first left behind would be taken for free.
            let running = Running::start(kit, server, &Tuning::default())?;
            let mut scenario = Scenario::idle(extent.idle_connections);
            if let Some(topics) = topics {
                scenario = scenario.with(topics.to_owned());
            }
            let idle: Idle = load::run_for(kit, &running, &scenario)?;
            cells.push(thousands(idle.rss_bytes_per_connection));
            cells.push(thousands(idle.pss_bytes_per_connection));
        }
        table.row(cells);
    }
    table.note(
        "Tidegate's connections each have a token of their own; over Socket.IO its CONNECT makes \
         each a listener of its user's topic, beside the one for all.",
    );
    Ok(vec![table])
}

pub fn accept(kit: &Kit, servers: &[Server], extent: Extent) -> Result<Vec<Table>> {
    let title = format!(
        "Connections opened, the upgrade included, {} of them, {} turns",
        thousands(extent.accepted_connections as f64),
        extent.turns
    );
    let head = [
        "server",
        "connections/s",
        "CPU per connection",
        "ratio to the floor (least to most)",
    ];
    let mut turns: Vec<Vec<Accepted>> = Vec::new();
    for turn in 0..extent.turns {
        let mut taken = Vec::new();
        for &server in servers {
            eprintln!(
                "accept: turn {} of {}, {}",
                turn + 1,
                extent.turns,
                server.name()
            );
            let running = Running::start(kit, server, &Tuning::default())?;
            let scenario = Scenario::accept(extent.accepted_connections);
            taken.push(load::run_for(kit, &running, &scenario)?);
        }
        turns.push(taken);
    }
    let mut table = Table::new(title, &head);
    for (index, server) in servers.iter().enumerate() {
        let each = |figure: fn(&Accepted) -> f64| {
            Spread::of(turns.iter().map(|turn| figure(&turn[index])))
        };
        let ratios = turns
            .iter()
            .map(|turn| turn[index].cpu_ns_per_connection / turn[0].cpu_ns_per_connection);
        table.row(vec![
            server.name().into(),
            thousands(each(|taken| taken.per_second).median),
            micros(each(|taken| taken.cpu_ns_per_connection).median),
            Spread::of(ratios).ratio(),
        ]);
        if each(|taken| taken.generator_cpu).median > SATURATED {
            let name = server.name();
            table.note(format!("{name}: the load generator's core was full."));
        }
    }
    Ok(vec![table])
}
