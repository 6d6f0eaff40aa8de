//! Rows with a steady rate of publications: reloads under load, and coalescing.

use std::path::Path;

use anyhow::{Result, bail};

use super::Extent;
use super::kit::Kit;
use super::load::{self, Load, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, micros, thousands};
use super::tidegate;

const RELOAD_LISTENERS: usize = 1000;
const RELOAD_RATE: f64 = 20.0;
const SAVE_EVERY: f64 = 1.0;

const COALESCE_SETTINGS: &str = "[[topics]]\npattern = \"channel:**\"\ncoalesce = \"10ms\"\n";
const COALESCE_LISTENERS: usize = 200;
const COALESCE_RATE: f64 = 1000.0;

pub fn reload(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let title = format!(
        "Reload: {RELOAD_LISTENERS} listeners, {RELOAD_RATE} publications/s, the plugin's settings \
         saved every {SAVE_EVERY} s"
    );
    let head = ["", "p50", "p99", "deliveries/s", "saves"];
    let tuning = Tuning {
        own_plugins: true,
        ..Tuning::default()
    };
    let turns = extent.turns.min(3);
    let mut still: Vec<Load> = Vec::new();
    let mut saving: Vec<Load> = Vec::new();
    for turn in 0..turns {
        eprintln!("reload: turn {} of {turns}", turn + 1);
        let running = Running::start(kit, Server::Tidegate, &tuning)?;
        let settings = tidegate::plugin_settings(&running.folder);
        let paced = || Scenario::paced(RELOAD_LISTENERS, RELOAD_RATE, extent.reload_seconds);
        still.push(load::run(kit, &running, &paced())?);
        let before = reloads(&running.folder)?;
        let saved = load::run(kit, &running, &with_saves(paced(), &settings))?;
        let after = reloads(&running.folder)?;
        if after <= before {
            bail!(
                "{} saves, and the server's log shows no reload",
                saved.rewrites
            );
        }
        saving.push(saved);
    }
    let mut table = Table::new(title, &head);
    for (name, loads) in [("without saves", &still), ("with saves", &saving)] {
        let median = |figure: fn(&Load) -> f64| Spread::of(loads.iter().map(figure)).median;
        table.row(vec![
            name.into(),
            format!("{:.2} ms", median(|load| load.latency.p50_us) / 1000.0),
            format!("{:.2} ms", median(|load| load.latency.p99_us) / 1000.0),
            thousands(median(|load| load.deliveries_per_second)),
            thousands(median(|load| load.rewrites as f64)),
        ]);
    }
    let bumps = still.iter().zip(&saving);
    let bump =
        Spread::of(bumps.map(|(still, saving)| saving.latency.p99_us - still.latency.p99_us));
    table.note(format!(
        "Added p99: {:.2} ms ({:.2} to {:.2}). No listener was disconnected and none missed a \
         publication (the run fails otherwise).",
        bump.median / 1000.0,
        bump.least / 1000.0,
        bump.most / 1000.0
    ));
    Ok(vec![table])
}

pub fn coalesce(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let title = format!(
        "Coalescing: 10 ms, {COALESCE_RATE} publications/s to {COALESCE_LISTENERS} listeners, {} \
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
        settings: COALESCE_SETTINGS,
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
        let paced = Scenario::paced(COALESCE_LISTENERS, COALESCE_RATE, extent.seconds);
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

fn with_saves(scenario: Scenario, settings: &Path) -> Scenario {
    scenario
        .with(format!("--rewrite={}", settings.display()))
        .with(format!("--rewrite-every={SAVE_EVERY}"))
}

/// Lines of the server's log that tell of a reload.
fn reloads(folder: &Path) -> Result<usize> {
    let log = std::fs::read_to_string(folder.join("server.log"))?;
    Ok(log
        .lines()
        .filter(|line| line.contains("generation"))
        .count())
}
