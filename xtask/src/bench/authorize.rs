//! The authorize call, measured by criterion in the broker's own bench.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::kit::Kit;
use super::table::Table;

const BENCH: [&str; 5] = ["bench", "--package", "tidegate", "--bench", "authorize"];

pub fn measure(kit: &Kit) -> Result<Vec<Table>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Compiled by all cores, and only then measured on one.
    let mut compiled = Command::new(&cargo);
    said(kit, compiled.args(BENCH).arg("--no-run"))?;
    let mut bench = Command::new("taskset");
    bench.args(["-c", "0"]).arg(cargo).args(BENCH);
    let plugins = kit.root.join("target/release/plugins");
    let said = said(kit, bench.env("TIDEGATE_PLUGINS", plugins))?;
    let mut table = Table::new("Authorize (criterion)", &["call", "time"]);
    for (call, time) in times(&said) {
        table.row(vec![call, time]);
    }
    Ok(vec![table])
}

/// What a command of cargo's prints.
fn said(kit: &Kit, command: &mut Command) -> Result<String> {
    let output = command
        .current_dir(&kit.root)
        .output()
        .context("cannot start cargo bench")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("cargo bench --bench authorize failed\n{said}{errors}");
    }
    Ok(said)
}

/// Criterion prints `NAME    time:   [low middle high]`, a long name on a line of its own; a bench
/// that takes percentiles itself prints `NAME p50 … p99 …`.
fn times(output: &str) -> Vec<(String, String)> {
    let mut last = "";
    let mut found = Vec::new();
    for line in output.lines() {
        if let Some((name, rest)) = line.split_once("time:") {
            let name = if name.trim().is_empty() { last } else { name };
            found.push((name.trim().to_owned(), rest.trim().to_owned()));
        } else if let Some(at) = line.find("p50") {
            let (name, rest) = line.split_at(at);
            found.push((name.trim().to_owned(), rest.trim().to_owned()));
        }
        if !line.trim().is_empty() {
            last = line;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterions_short_and_long_lines_are_read() {
        let output = "authorize/fresh         time:   [612.1 ns 613.0 ns 614.2 ns]\n\
                      authorize/remembered by a long name\n\
                      \u{20}                       time:   [41.0 ns 41.2 ns 41.3 ns]\n\
                      authorize/fresh p50 600 ns p99 1.2 µs\n";
        let expected = [
            ("authorize/fresh", "[612.1 ns 613.0 ns 614.2 ns]"),
            (
                "authorize/remembered by a long name",
                "[41.0 ns 41.2 ns 41.3 ns]",
            ),
            ("authorize/fresh", "p50 600 ns p99 1.2 µs"),
        ];
        let expected: Vec<(String, String)> = expected
            .into_iter()
            .map(|(call, time)| (call.to_owned(), time.to_owned()))
            .collect();
        assert_eq!(times(output), expected);
    }
}
