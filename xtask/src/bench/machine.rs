//! What was measured on.

use std::fs;

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open beside its connections.
const OTHER_FILES: usize = 200;

/// A line for above the tables. Warns when the machine is busy with something else.
pub fn describe() -> String {
    let model = first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "?".into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let busy = load_average();
    let mut text = format!(
        "machine: {model}, {cores} cores, Linux {}; server on core 0, load on core 1",
        kernel.trim()
    );
    if busy > 0.5 {
        text.push_str(&format!(
            "\nwarning: load average {busy:.1} at the start: something else runs here"
        ));
    }
    text
}

/// Makes sure that server and generator get a core each, and may hold this many connections.
pub fn prepare(connections: usize) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    if cores < 2 {
        bail!("the bench needs two cores: one for the server, one for the load");
    }
    let limit = getrlimit(Resource::Nofile);
    let wanted = (connections + OTHER_FILES) as u64;
    let most = limit.maximum.unwrap_or(u64::MAX);
    if most < wanted {
        bail!(
            "{connections} connections need {wanted} open files, the limit is {most}: ulimit -Hn"
        );
    }
    // Inherited by every server and the generator.
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

fn first_value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> f64 {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
