//! `cargo xtask test`: everything that must hold, in one run with one summary.

mod tally;

use std::process::ExitCode;
use std::time::Instant;

use crate::command;
use crate::need::{self, Install, Need};
use crate::repo::{Profile, Repo};
use crate::{build, deps, leftover, pages, plugins};
use tally::Tally;

/// The tests run the unoptimised broker: it checks for overflow, and one compilation serves both.
const PROFILE: Profile = Profile::Dev;

pub fn run(repo: &Repo, filter: Option<&str>, install: Install) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    leftover::adopt();
    need::ensure(repo, Need::TO_TEST, install)?;
    build::for_tests(repo)?;
    plugins::build_shipped(repo, PROFILE)?;
    plugins::build_test_guests(repo, PROFILE)?;
    pages::deliver(repo, PROFILE)?;

    let mut steps = Vec::new();
    if filter.is_none() {
        steps.push(("dependencies", outcome("deps", deps::check(repo))));
    }
    for root in repo.guest_workspaces()? {
        let mut cargo = command::cargo(&root);
        // The default members: guests made to misbehave have no tests of their own.
        cargo.args(["test", "--no-fail-fast"]);
        cargo.env("CARGO_TARGET_DIR", repo.native_guest_target());
        steps.push(("plugins and SDK", cargo_test(cargo, filter)?));
    }
    let mut cargo = command::cargo(&repo.root);
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.env("TIDEGATE_BIN", repo.binary(PROFILE));
    steps.push(("broker and end to end", cargo_test(cargo, filter)?));

    let found = steps.iter().any(|(_, tally)| tally.ran() > 0);
    let left = leftover::stop();
    steps.push(("nothing left running", nothing_left(&left)));
    if let Some(filter) = filter {
        anyhow::ensure!(found, "no test has {filter:?} in its name");
    }
    Ok(summary(&steps, start))
}

fn cargo_test(mut cargo: std::process::Command, filter: Option<&str>) -> anyhow::Result<Tally> {
    cargo.args(filter);
    tally::run(cargo)
}

fn outcome(name: &str, result: anyhow::Result<()>) -> Tally {
    match result {
        Ok(()) => Tally {
            passed: 1,
            ..Tally::default()
        },
        Err(error) => {
            eprintln!("{name}: {error:#}");
            Tally {
                failed: 1,
                ..Tally::default()
            }
        }
    }
}

fn nothing_left(left: &[String]) -> Tally {
    if left.is_empty() {
        return Tally {
            passed: 1,
            ..Tally::default()
        };
    }
    eprintln!(
        "the tests left these running (ended now): {}",
        left.join(", ")
    );
    Tally {
        failed: 1,
        ..Tally::default()
    }
}

/// The last line is plain, so that any CI can read it.
fn summary(steps: &[(&str, Tally)], start: Instant) -> ExitCode {
    println!("\ncargo xtask test, {} s:", start.elapsed().as_secs());
    let mut all = Tally::default();
    for (name, tally) in steps {
        println!("  {name}: {tally}");
        all += *tally;
    }
    println!("{all}");
    if all.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
