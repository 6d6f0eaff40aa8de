//! `cargo xtask run`: the broker with its plugins and the chat's page, delivered anew when their source
//! is saved.

mod example;
mod watch;

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;

use anyhow::Context as _;
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::need::{self, Install, Need};
use crate::repo::{Profile, Repo};
use crate::{build, leftover, pages, plugins};

/// Serves until the broker ends, and ends as it did.
pub fn run(
    repo: &Arc<Repo>,
    profile: Profile,
    arguments: &[String],
    install: Install,
) -> anyhow::Result<ExitCode> {
    need::ensure(repo, Need::TO_BUILD, install)?;
    build::broker(repo, profile)?;
    plugins::build_shipped(repo, profile)?;
    pages::deliver(repo, profile)?;

    leftover::adopt();
    let watcher = watch::start(repo, profile)?;
    let mut broker = start(repo, profile, arguments)?;
    forward_signals(&broker)?;
    example::print_when_ready(repo, profile);
    let status = broker.wait().context("cannot wait for the broker")?;
    drop(watcher);
    leftover::stop();
    Ok(exit_code(status))
}

/// In a process group of its own: the terminal's Ctrl-C then reaches it once, through us, and
/// means "drain" and not "drain" and "at once".
fn start(repo: &Repo, profile: Profile, arguments: &[String]) -> anyhow::Result<Child> {
    let binary = repo.binary(profile);
    let mut command = Command::new(&binary);
    command
        .arg("serve")
        .args(arguments)
        .current_dir(&repo.root)
        .process_group(0);
    if given(&repo.root, "TIDEGATE_ADMIN").is_none() {
        command.env("TIDEGATE_ADMIN", "127.0.0.1:9091");
    }
    // Meant for us: the broker refuses names that it does not know.
    command.env_remove("TIDEGATE_WASM");
    command
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))
}

/// A setting from where the broker takes it too: the environment, then `.env`.
fn given(root: &Path, name: &str) -> Option<String> {
    let from_file = || {
        let text = std::fs::read_to_string(root.join(".env")).ok()?;
        text.lines().find_map(|line| {
            let value = line
                .trim()
                .strip_prefix(name)?
                .trim_start()
                .strip_prefix('=')?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
    };
    std::env::var(name)
        .ok()
        .or_else(from_file)
        .filter(|value| !value.is_empty())
}

fn forward_signals(broker: &Child) -> anyhow::Result<()> {
    let pid = i32::try_from(broker.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("the broker has no process id")?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let signal = if signal == SIGINT {
                Signal::INT
            } else {
                Signal::TERM
            };
            let _ = rustix::process::kill_process(pid, signal);
        }
    });
    Ok(())
}

/// As a shell has it: 128 and the signal's number.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
