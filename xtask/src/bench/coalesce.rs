//! Below the floor: publications that wait for company, so that one send carries several.

use anyhow::Result;

use super::Extent;
use super::kit::Kit;
use super::load::{self, Load, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros};

const SETTINGS: &str = "[[topics]]\npattern = \"channel:**\"\ncoalesce = \"10ms\"\n";
const LISTENERS: usize = 200;
const RATE: f64 = 1000.0;

/// What one turn took.
struct Turn {
    /// The floor with 16 in flight: what the goal is about.
    full: Load,
    /// The floor on the same publications, waiting as long: what can be had at this pace.
    floor: Load,
    tidegate: Load,
}

type Pick = fn(&Turn) -> &Load;

pub fn measure(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let mut turns = Vec::new();
    for turn in 0..extent.turns {
        eprintln!("coalesce: turn {} of {}", turn + 1, extent.turns);
        turns.push(take(kit, extent)?);
    }
    Ok(vec![table(&turns)])
}

fn take(kit: &Kit, extent: Extent) -> Result<Turn> {
    let tuning = Tuning {
        settings: SETTINGS.to_owned(),
        coalesce_ms: 10,
        ..Tuning::default()
    };
    let full = {
        let floor = Running::start(kit, Server::Floor, &Tuning::default())?;
        load::run(kit, &floor, &Scenario::fanout(1000, 16, extent.seconds))?
    };
    let paced = |server| {
        let running = Running::start(kit, server, &tuning)?;
        load::run(
            kit,
            &running,
            &Scenario::paced(LISTENERS, RATE, extent.seconds),
        )
    };
    Ok(Turn {
        full,
        floor: paced(Server::Floor)?,
        tidegate: paced(Server::Tidegate)?,
    })
}

fn table(turns: &[Turn]) -> Table {
    let title = format!(
        "Coalescing: 10 ms, {RATE} publications/s to {LISTENERS} listeners, {} turns",
        turns.len()
    );
    let head = [
        "server",
        "CPU per delivery",
        "ratio to the floor that waits as long",
        "ratio to the floor with 16 in flight",
        "p50",
        "p99",
    ];
    let mut table = Table::new(title, &head);
    let rows: [(Server, Pick); 2] = [
        (Server::Floor, |turn| &turn.floor),
        (Server::Tidegate, |turn| &turn.tidegate),
    ];
    for (server, load) in rows {
        let median = |figure: fn(&Load) -> f64| {
            Spread::of(turns.iter().map(|turn| figure(load(turn)))).median
        };
        let ratio = |to: Pick| {
            let cost = |load: &Load| load.cpu_ns_per_delivery;
            Spread::of(turns.iter().map(|turn| cost(load(turn)) / cost(to(turn)))).ratio()
        };
        table.row(vec![
            server.name().into(),
            micros(median(|load| load.cpu_ns_per_delivery)),
            ratio(|turn| &turn.floor),
            ratio(|turn| &turn.full),
            format!("{:.2} ms", median(|load| load.latency.p50_us) / 1000.0),
            format!("{:.2} ms", median(|load| load.latency.p99_us) / 1000.0),
        ]);
    }
    table
}
