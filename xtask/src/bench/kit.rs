//! Where the programs are that a run needs.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::load::{self, Scenario};
use super::server::{Running, Server, Tuning};

pub struct Kit {
    pub root: PathBuf,
    pub release: PathBuf,
    pub tidegate: PathBuf,
    /// Bytes of one Tidegate frame, for the floor to send as many.
    pub frame_bytes: usize,
    /// Logs, keys and data of the servers; gone at the end.
    scratch: TempDir,
    folders: Cell<usize>,
}

impl Kit {
    pub fn find(tidegate: Option<PathBuf>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has no parent folder")?
            .to_owned();
        let own = std::env::current_exe()?;
        // TARGET/debug/xtask, wherever cargo's settings put TARGET.
        let target = own
            .ancestors()
            .nth(2)
            .context("xtask lies in no target folder")?;
        let release = target.join("release");
        let tidegate = match tidegate {
            Some(path) => path
                .canonicalize()
                .with_context(|| path.display().to_string())?,
            None => release.join("tidegate"),
        };
        Ok(Self {
            root,
            release,
            tidegate,
            frame_bytes: 0,
            scratch: tempfile::tempdir()?,
            folders: Cell::new(0),
        })
    }

    /// Builds the load side, and Tidegate with its plugins if it is measured from this tree.
    pub fn build(&self, with_tidegate: bool) -> Result<()> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut load = Command::new(cargo);
        load.args(["build", "--release", "--package", "tidegate-load"]);
        succeed(load.current_dir(&self.root))?;
        if with_tidegate && self.tidegate == self.release.join("tidegate") {
            let mut build = Command::new(std::env::current_exe()?);
            succeed(build.arg("build").current_dir(&self.root))?;
        }
        Ok(())
    }

    /// Fails with how to get what is missing.
    pub fn check(&self, servers: &[Server]) -> Result<()> {
        for program in ["floor", "loadgen"] {
            if !self.release.join(program).exists() {
                bail!("{program} is not built: leave --no-build away");
            }
        }
        let wants_tidegate = servers.iter().any(|server| server.is_tidegate());
        if wants_tidegate && !self.tidegate.exists() {
            bail!(
                "{} is not there: cargo xtask build",
                self.tidegate.display()
            );
        }
        if !on_path("taskset") || !on_path("setpriv") {
            bail!("taskset or setpriv is not installed: apt-get install util-linux");
        }
        for (server, program, how) in [
            (Server::Nats, "nats-server", "apt-get install nats-server"),
            (Server::Ws, "node", "apt-get install nodejs npm"),
            (Server::Socketio, "node", "apt-get install nodejs npm"),
        ] {
            if servers.contains(&server) && !on_path(program) {
                bail!("{program} is not installed: {how} (or leave it away with --servers)");
            }
        }
        let wants_npm = servers.contains(&Server::Ws) || servers.contains(&Server::Socketio);
        if wants_npm && !self.peers().join("node_modules").exists() {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund"]);
            succeed(npm.current_dir(self.peers()))?;
        }
        Ok(())
    }

    /// Looks at how long Tidegate's frames are, so that the floor sends the same bytes.
    pub fn measure_frame(&mut self) -> Result<()> {
        let server = Running::start(self, Server::Tidegate, &Tuning::default())?;
        let look = load::run(self, &server, &Scenario::paced(1, 20.0, 0.5))?;
        // Header of a frame with 126 to 65,535 bytes of payload.
        self.frame_bytes = look.delivery_bytes + 4;
        Ok(())
    }

    pub fn peers(&self) -> PathBuf {
        self.root.join("broker/benches/peers")
    }

    /// A new folder for one server.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let number = self.folders.get();
        self.folders.set(number + 1);
        let folder = self.scratch.path().join(format!("{number:03}-{name}"));
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }
}

/// Runs a command to its end; an error names it.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
