//! Saving the gateway plugin's settings again and again while publications go on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Extent;
use super::kit::Kit;
use super::load::{self, Load, Scenario};
use super::server::{Running, Server, Tuning};
use super::table::{Spread, Table, thousands};
use super::tidegate;

const LISTENERS: usize = 1000;
const RATE: f64 = 20.0;
const SAVE_EVERY: f64 = 1.0;
/// A number in the plugin's settings.
const KEY: &str = "remember_ms";
/// What the broker logs when a new generation serves.
const RELOADED: &str = "plugin reloaded";
const LONE_SAVES: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Taken {
    /// Milliseconds from a save until the log says that it serves.
    live: Vec<f64>,
    still: Vec<Load>,
    saving: Vec<Load>,
    reloads: Vec<f64>,
}

pub fn measure(kit: &Kit, extent: Extent) -> Result<Vec<Table>> {
    let tuning = Tuning {
        own_plugins: true,
        ..Tuning::default()
    };
    let turns = extent.turns.min(3);
    let mut taken = Taken::default();
    for turn in 0..turns {
        eprintln!("reload: turn {} of {turns}", turn + 1);
        let running = Running::start(kit, Server::Tidegate, &tuning)?;
        let settings = tidegate::plugin_settings(&running.folder);
        let log = running.folder.join("server.log");
        taken.live.extend(save_to_live(&settings, &log)?);
        let paced = || Scenario::paced(LISTENERS, RATE, extent.reload_seconds);
        taken.still.push(load::run(kit, &running, &paced())?);
        let before = reloads(&log)?;
        let saving = paced()
            .with(format!("--save={}", settings.display()))
            .with(format!("--save-key={KEY}"))
            .with(format!("--save-every={SAVE_EVERY}"));
        let saved = load::run(kit, &running, &saving)?;
        let reloads = reloads(&log)? - before;
        // The last one may not be through yet.
        if (reloads as u64) + 1 < saved.saves {
            bail!(
                "{} saves, but only {reloads} reloads were logged",
                saved.saves
            );
        }
        taken.reloads.push(reloads as f64);
        taken.saving.push(saved);
    }
    Ok(vec![taken.table()])
}

impl Taken {
    fn table(&self) -> Table {
        let title = format!(
            "Reload: {LISTENERS} listeners, {RATE} publications/s, the plugin's settings saved \
             every {SAVE_EVERY} s"
        );
        let mut table = Table::new(title, &["", "p50", "p99", "deliveries/s", "reloads"]);
        let reloads = Spread::of(self.reloads.iter().copied()).median;
        for (name, loads, reloads) in [
            ("without saves", &self.still, 0.0),
            ("with saves", &self.saving, reloads),
        ] {
            let median = |figure: fn(&Load) -> f64| Spread::of(loads.iter().map(figure)).median;
            table.row(vec![
                name.into(),
                format!("{:.2} ms", median(|load| load.latency.p50_us) / 1000.0),
                format!("{:.2} ms", median(|load| load.latency.p99_us) / 1000.0),
                thousands(median(|load| load.deliveries_per_second)),
                thousands(reloads),
            ]);
        }
        let pairs = self.still.iter().zip(&self.saving);
        let added = Spread::of(
            pairs.map(|(still, saving)| (saving.latency.p99_us - still.latency.p99_us) / 1000.0),
        );
        let live = Spread::of(self.live.iter().copied());
        table.note(format!(
            "Added p99: {:.2} ms ({:.2} to {:.2}). Save to live: {:.0} ms ({:.0} to {:.0}). No \
             listener was disconnected and none missed a publication (the run fails otherwise).",
            added.median, added.least, added.most, live.median, live.least, live.most
        ));
        table
    }
}

/// Saves a few times, one after the other, and answers how long each took to serve.
fn save_to_live(settings: &Path, log: &Path) -> Result<Vec<f64>> {
    let original = fs::read_to_string(settings)?;
    let line = original
        .lines()
        .find(|line| line.starts_with(KEY))
        .with_context(|| format!("{} has no {KEY}", settings.display()))?;
    let mut taken = Vec::new();
    for save in 1..=LONE_SAVES {
        let text = original.replacen(line, &format!("{KEY} = {}", 1000 + save), 1);
        let before = reloads(log)?;
        let saved = Instant::now();
        fs::write(settings, text)?;
        while reloads(log)? == before {
            if saved.elapsed() > PATIENCE {
                bail!("saved {}, not reloaded in {PATIENCE:?}", settings.display());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        taken.push(saved.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(taken)
}

fn reloads(log: &Path) -> Result<usize> {
    Ok(fs::read_to_string(log)?.matches(RELOADED).count())
}
