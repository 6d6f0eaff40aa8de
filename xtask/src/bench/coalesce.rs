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

pub fn measure(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let title = format!(
        "Coalescing: 10 ms, {RATE} publications/s to {LISTENERS} listeners, {} \
         turns",
        extent.turns
    );
    let head = [
        "",
        "CPU per delivery",
        "ratio to the floor with 16 in flight",
        "p50",
        "p99",
    ];
    let tuning = Tuning {
        settings: SETTINGS.to_owned(),
        ..Tuning::default()
    };
    let mut floors = Vec::new();
    let mut waiting: Vec<Load> = Vec::new();
    for turn in 0..extent.turns {
        eprintln!("coalesce: turn {} of {}", turn + 1, extent.turns);
        let floor = Running::start(kit, Server::Floor, &Tuning::default())?;
        let full = Scenario::fanout(1000, 16, extent.seconds);
        floors.push(load::run(kit, &floor, &full)?.cpu_ns_per_delivery);
        drop(floor);
        let running = Running::start(kit, Server::Tidegate, &tuning)?;
        let paced = Scenario::paced(LISTENERS, RATE, extent.seconds);
        waiting.push(load::run(kit, &running, &paced)?);
    }
    let mut table = Table::new(title, &head);
    let median = |figure: fn(&Load) -> f64| Spread::of(waiting.iter().map(figure)).median;
    let ratios = waiting.iter().zip(&floors);
    table.row(vec![
        Server::Tidegate.name().into(),
        micros(median(|load| load.cpu_ns_per_delivery)),
        Spread::of(ratios.map(|(load, floor)| load.cpu_ns_per_delivery / floor)).ratio(),
        format!("{:.2} ms", median(|load| load.latency.p50_us) / 1000.0),
        format!("{:.2} ms", median(|load| load.latency.p99_us) / 1000.0),
    ]);
    Ok(vec![table])
}
