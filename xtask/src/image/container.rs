//! A running container, removed when it is dropped, and a listener in it.

use std::fs;
use std::process::{Child, Stdio};

use anyhow::Context as _;

use super::Engine;

pub struct Container {
    engine: Engine,
    id: String,
}

impl Container {
    /// Read-only but for the data folder, without capabilities, on a free port of loopback.
    pub fn start(engine: Engine, tag: &str) -> anyhow::Result<Self> {
        let id = engine.output([
            "run",
            "--detach",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--volume=/var/lib/tidegate",
            "--publish=127.0.0.1::4444",
            tag,
        ])?;
        Ok(Self { engine, id })
    }

    /// The port of this machine that leads to the broker's.
    pub fn port(&self) -> anyhow::Result<u16> {
        let address = self.engine.output(["port", &self.id, "4444/tcp"])?;
        address
            .lines()
            .next()
            .and_then(|line| line.rsplit(':').next()?.parse().ok())
            .with_context(|| format!("no port in {address:?}"))
    }

    /// # Errors
    /// If it has ended, with what it logged.
    pub fn running(&self) -> anyhow::Result<()> {
        let running = self.inspect("{{.State.Running}}")?;
        if running != "true" {
            anyhow::bail!("the container has ended: {}", self.logs()?);
        }
        Ok(())
    }

    pub fn exit_code(&self) -> anyhow::Result<String> {
        self.inspect("{{.State.ExitCode}}")
    }

    fn inspect(&self, format: &str) -> anyhow::Result<String> {
        self.engine
            .output(["container", "inspect", "--format", format, &self.id])
    }

    pub fn exec(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let head = ["exec", self.id.as_str()];
        self.engine
            .output(head.into_iter().chain(arguments.iter().copied()))
    }

    /// SIGTERM, and SIGKILL after `seconds`.
    pub fn stop(&self, seconds: &str) -> anyhow::Result<()> {
        self.engine
            .output(["stop", "-t", seconds, &self.id])
            .map(drop)
    }

    /// The broker logs to stderr.
    pub fn logs(&self) -> anyhow::Result<String> {
        let output = self.engine.command(["logs", &self.id]).output()?;
        let both = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&both).into_owned())
    }

    pub fn listen(&self, topic: &str) -> anyhow::Result<Listener> {
        let folder = tempfile::tempdir().context("no temporary folder")?;
        let file = |name: &str| fs::File::create(folder.path().join(name));
        let child = self
            .engine
            .command(["exec", &self.id, "tidegate", "listen", topic])
            .stdin(Stdio::null())
            .stdout(file("heard")?)
            .stderr(file("says")?)
            .spawn()
            .context("cannot start the listener")?;
        Ok(Listener { child, folder })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.engine.output(["rm", "--force", "--volumes", &self.id]);
    }
}

/// `tidegate listen` in the container.
pub struct Listener {
    child: Child,
    folder: tempfile::TempDir,
}

impl Listener {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    pub fn says(&self, words: &str) -> bool {
        self.read("says").contains(words)
    }

    /// The first line it printed.
    ///
    /// # Errors
    /// If it has ended without one, with what it said.
    pub fn heard(&mut self) -> anyhow::Result<Option<String>> {
        let heard = self.read("heard");
        if let Some((line, _)) = heard.split_once('\n') {
            return Ok(Some(line.to_owned()));
        }
        if let Some(status) = self.child.try_wait()? {
            anyhow::bail!("the listener ended ({status}): {}", self.read("says"));
        }
        Ok(None)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
