//! What a broker is started with.

use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Output};

use tempfile::TempDir;

use crate::broker::Broker;
use crate::process::Process;
use crate::{artifacts, ports, tokens, wait};

/// The broker's folder and environment, which holds nothing else.
pub struct Setup {
    pub(crate) folder: TempDir,
    pub(crate) env: Vec<(String, String)>,
    admin: SocketAddr,
    open_files: Option<u32>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// Port of its choice, two workers, admin on a free port.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let admin = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let data = folder.path().join("data").display().to_string();
        let setup = Self {
            folder,
            env: Vec::new(),
            admin,
            open_files: None,
        };
        setup
            .env("PORT", "0")
            .env("TIDEGATE_WORKERS", "2")
            .env("TIDEGATE_DATA", &data)
            .env("TIDEGATE_ADMIN", &admin.to_string())
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes `tidegate.toml`.
    pub fn settings(self, toml: &str) -> Self {
        self.file("tidegate.toml", toml);
        self
    }

    /// Writes another file of its folder.
    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("the file is written");
    }

    /// The most files it may have open.
    pub fn open_files(mut self, most: u32) -> Self {
        self.open_files = Some(most);
        self
    }

    /// Runs another command of `tidegate` with the same folder and environment.
    pub fn run(&self, arguments: &[&str]) -> Output {
        tokens::tidegate(self.folder.path(), &self.env, arguments)
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Broker {
        let broker = self.start_unready().await;
        broker.ready().await;
        broker
    }

    /// Starts it and waits until it listens.
    pub async fn start_unready(self) -> Broker {
        let mut process = self.spawn();
        let address = wait::until("the broker listens", async || {
            process.assert_running();
            process
                .logs
                .find(is_listening)
                .map(|line| address_in(&line))
        })
        .await;
        Broker {
            process,
            address,
            admin: self.admin,
            setup: self,
        }
    }

    /// Starts one that must refuse its settings or files; answers its exit code and its words.
    pub async fn start_refused(self) -> (ExitStatus, String) {
        let mut process = self.spawn();
        let status = process.exit().await;
        (status, process.logs.text())
    }

    fn spawn(&self) -> Process {
        let mut command = match self.open_files {
            None => Command::new(artifacts::binary()),
            Some(most) => {
                let mut command = Command::new("prlimit");
                command
                    .arg(format!("--nofile={most}:{most}"))
                    .arg(artifacts::binary());
                command
            }
        };
        command
            .arg("serve")
            .current_dir(self.folder.path())
            .env_clear();
        if self.open_files.is_some() {
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Process::spawn("tidegate", &mut command)
    }
}

fn is_listening(line: &str) -> bool {
    line.contains(r#""message":"listening""#)
}

/// The public address in the log line, reached over loopback.
fn address_in(line: &str) -> SocketAddr {
    let rest = line
        .split_once(r#""address":""#)
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let address = rest.split('"').next().unwrap_or_default();
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let port: u16 = port.unwrap_or_else(|| panic!("no address in {line}"));
    SocketAddr::from(([127, 0, 0, 1], port))
}
