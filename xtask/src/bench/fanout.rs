//! CPU per delivery: all servers take turns, and ratios are to the first of the same turn.

use anyhow::Result;

use super::Extent;
use super::kit::Kit;
use super::load::{self, Load, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros, thousands};

const LISTENERS: usize = 1000;
const BURSTS: [usize; 2] = [16, 1];
/// Above this share of its core the generator set the pace.
pub const SATURATED: f64 = 0.95;

const TO_THE_FLOOR: &str = "ratio to the floor (least to most)";
const TO_THE_FIRST: &str = "ratio to the first (least to most)";

/// `taken[turn][server]`.
type Turns = Vec<Vec<Load>>;

pub fn measure(kit: &Kit, servers: &[Server], extent: Extent) -> Result<Vec<Table>> {
    let mut taken: [Turns; 2] = [Vec::new(), Vec::new()];
    for turn in 0..extent.turns {
        let mut loads = [Vec::new(), Vec::new()];
        for &server in servers {
            eprintln!(
                "fanout: turn {} of {}, {}",
                turn + 1,
                extent.turns,
                server.name()
            );
            let running = Running::start(kit, server, &Tuning::default())?;
            for (burst, loads) in BURSTS.into_iter().zip(&mut loads) {
                let scenario = Scenario::fanout(LISTENERS, burst, extent.seconds);
                loads.push(load::run(kit, &running, &scenario)?);
            }
        }
        for (taken, loads) in taken.iter_mut().zip(loads) {
            taken.push(loads);
        }
    }
    let tables = BURSTS.into_iter().zip(&taken);
    Ok(tables
        .map(|(burst, turns)| table(burst, servers, turns))
        .collect())
}

fn table(burst: usize, servers: &[Server], turns: &Turns) -> Table {
    let title = format!(
        "Fan-out, {burst} in flight, {LISTENERS} listeners, 128-byte payload, {} turns",
        turns.len()
    );
    let ratio = match servers.first() {
        Some(Server::Floor) => TO_THE_FLOOR,
        _ => TO_THE_FIRST,
    };
    let head = [
        "server",
        "CPU per delivery",
        ratio,
        "deliveries/s",
        "p50",
        "p99",
    ];
    let mut table = Table::new(title, &head);
    for (index, server) in servers.iter().enumerate() {
        let loads: Vec<&Load> = turns.iter().map(|turn| &turn[index]).collect();
        let median =
            |figure: fn(&Load) -> f64| Spread::of(loads.iter().map(|load| figure(load))).median;
        let ratios = turns
            .iter()
            .map(|turn| turn[index].cpu_ns_per_delivery / turn[0].cpu_ns_per_delivery);
        table.row(vec![
            server.name().into(),
            micros(median(|load| load.cpu_ns_per_delivery)),
            Spread::of(ratios).ratio(),
            thousands(median(|load| load.deliveries_per_second)),
            format!("{:.1} ms", median(|load| load.latency.p50_us) / 1000.0),
            format!("{:.1} ms", median(|load| load.latency.p99_us) / 1000.0),
        ]);
        let busy = median(|load| load.generator_cpu);
        if busy > SATURATED {
            table.note(format!(
                "{}: the load generator's core was full ({:.0} %): deliveries/s is its limit, \
                 CPU per delivery is not touched by that.",
                server.name(),
                busy * 100.0
            ));
        }
    }
    let bytes: Vec<String> = servers
        .iter()
        .zip(turns.first().into_iter().flatten())
        .map(|(server, load)| format!("{} {}", server.name(), load.delivery_bytes))
        .collect();
    table.note(format!(
        "Bytes of payload per delivery on the wire: {}.",
        bytes.join(", ")
    ));
    table
}
