//! `cargo test`'s output, passed on line by line and counted.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write};
use std::ops::AddAssign;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;

use crate::command;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Tally {
    /// How many ran.
    pub fn ran(self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Runs `cargo test …`. A failure that no test reported (one that does not compile, a harness
/// that dies) counts as one failed.
pub fn run(cargo: Command) -> anyhow::Result<Tally> {
    run_into(cargo, std::io::stdout())
}

fn run_into(mut cargo: Command, to: impl Write + Send + 'static) -> anyhow::Result<Tally> {
    let shown = command::shown(&cargo);
    println!("\nrunning `{shown}`");
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = child.stdout.take().context("the output is piped")?;
    let (sender, results) = mpsc::channel();
    std::thread::spawn(move || pass_on(stdout, to, &sender));
    let status = child.wait()?;
    let mut tally = Tally::default();
    // A process that a test left behind may hold the pipe open for ever.
    while let Ok(found) = results.recv_timeout(Duration::from_secs(2)) {
        tally += found;
    }
    if !status.success() && tally.failed == 0 {
        eprintln!("`{shown}` failed ({status})");
        tally.failed = 1;
    }
    Ok(tally)
}

fn pass_on(stdout: ChildStdout, mut to: impl Write, results: &mpsc::Sender<Tally>) {
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    while lines
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let _ = to.write_all(&line);
        if let Some(found) = result_in(&String::from_utf8_lossy(&line)) {
            let _ = results.send(found);
        }
        line.clear();
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.1s`
fn result_in(line: &str) -> Option<Tally> {
    let counts = line.trim_start().strip_prefix("test result: ")?;
    let count = |what: &str| -> Option<u64> {
        counts
            .split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted_and_no_other() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.10s\n";
        let tally = Tally {
            passed: 3,
            failed: 2,
            skipped: 1,
        };
        assert_eq!(result_in(line), Some(tally));
        assert_eq!(result_in("test bus::publish ... ok\n"), None);
    }

    #[test]
    fn a_run_that_dies_without_a_result_has_failed() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0'; exit 9",
        ]);
        let tally = run_into(command, std::io::sink()).expect("sh runs");
        assert_eq!(
            tally,
            Tally {
                passed: 2,
                failed: 1,
                skipped: 0
            }
        );
    }
}
