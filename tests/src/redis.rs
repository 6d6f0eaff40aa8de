//! A real redis-server on a port of its own.

use std::process::Command;

use redis::AsyncTypedCommands;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Process;
use crate::{ports, wait};

pub struct Redis {
    pub port: u16,
    folder: TempDir,
    process: Process,
    arguments: Vec<String>,
}

impl Redis {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more arguments for redis-server.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = ports::free();
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let process = spawn(port, &folder, &arguments);
        let mut redis = Self {
            port,
            folder,
            process,
            arguments,
        };
        redis.answers().await;
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As `kill -9`: its clients' connections are cut, its data is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// A fresh one on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = spawn(self.port, &self.folder, &self.arguments);
        self.answers().await;
    }

    /// It keeps its connections and answers nothing until [`Redis::resume`].
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("a good URL");
        wait::soon(
            "a Redis connection",
            client.get_multiplexed_async_connection(),
        )
        .await
        .expect("Redis is up")
    }

    /// `PUBLISH realtime`, as a program in any language does it.
    pub async fn publish(&self, text: &str) {
        let mut connection = self.connection().await;
        connection
            .publish("realtime", text)
            .await
            .expect("published");
    }

    /// `redis-cli` with these arguments; answers what it printed.
    pub fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }

    async fn answers(&mut self) {
        let port = self.port;
        let process = &mut self.process;
        wait::until("redis-server answers", async || {
            process.assert_running();
            let answer = cli(port, &["PING"]);
            // One with a password answers too.
            (answer.contains("PONG") || answer.contains("NOAUTH")).then_some(())
        })
        .await;
    }
}

pub fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli")
        .args(["-p", &port.to_string()])
        .args(arguments)
        .output()
        .expect("redis-cli is missing: apt-get install redis-tools");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn spawn(port: u16, folder: &TempDir, arguments: &[String]) -> Process {
    let found = Command::new("redis-server").arg("--version").output();
    assert!(
        found.is_ok(),
        "redis-server is missing: apt-get install redis-server (it need not be started)"
    );
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "-::1"])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(arguments);
    Process::spawn("redis-server", &mut command)
}
