//! Runs the load generator against one server.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::kit::Kit;
use super::server::Running;

/// The generator's core; the server has the other.
pub const CORE: &str = "1";

/// The generator's command line after the target.
pub struct Scenario(Vec<String>);

#[derive(Clone, Debug, Deserialize)]
pub struct Load {
    pub cpu_ns_per_delivery: f64,
    pub deliveries_per_second: f64,
    pub server_cpu: f64,
    pub generator_cpu: f64,
    pub latency: Latency,
    pub delivery_bytes: usize,
    #[serde(default)]
    pub saves: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Latency {
    pub p50_us: f64,
    pub p99_us: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Idle {
    pub rss_bytes_per_connection: f64,
    pub pss_bytes_per_connection: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Accepted {
    pub per_second: f64,
    pub cpu_ns_per_connection: f64,
    pub generator_cpu: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Notified {
    pub steady: Stage,
    pub backlog: Stage,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    #[serde(flatten)]
    pub load: Load,
    /// Share of the generator's core that was busy, with whatever ran there.
    pub core: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Chatted {
    pub sends: Calls,
    pub pages: Calls,
    pub seen: Latency,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Calls {
    pub per_second: f64,
    pub cpu_ns_each: f64,
    pub server_cpu: f64,
    pub generator_cpu: f64,
    pub latency: Latency,
}

impl Scenario {
    pub fn fanout(listeners: usize, burst: usize, seconds: f64) -> Self {
        Self(vec![
            "fanout".into(),
            format!("--listeners={listeners}"),
            format!("--burst={burst}"),
            format!("--seconds={seconds}"),
        ])
    }

    pub fn paced(listeners: usize, rate: f64, seconds: f64) -> Self {
        Self(vec![
            "paced".into(),
            format!("--listeners={listeners}"),
            format!("--rate={rate}"),
            format!("--seconds={seconds}"),
        ])
    }

    pub fn idle(connections: usize) -> Self {
        Self(vec!["idle".into(), format!("--connections={connections}")])
    }

    pub fn notifications(kafka: &str, topic: &str, users: usize, rate: f64) -> Self {
        Self(vec![
            "notifications".into(),
            format!("--brokers={kafka}"),
            format!("--records={topic}"),
            format!("--users={users}"),
            format!("--rate={rate}"),
        ])
    }

    pub fn chat(in_flight: usize, windows: usize) -> Self {
        Self(vec![
            "chat".into(),
            format!("--in-flight={in_flight}"),
            format!("--windows={windows}"),
        ])
    }

    pub fn accept(connections: usize) -> Self {
        Self(vec![
            "accept".into(),
            format!("--connections={connections}"),
        ])
    }

    pub fn with(mut self, argument: String) -> Self {
        self.0.push(argument);
        self
    }
}

/// Answers what the generator printed.
pub fn run_for<T: DeserializeOwned>(kit: &Kit, server: &Running, scenario: &Scenario) -> Result<T> {
    let mut command = Command::new("taskset");
    command.args(["-c", CORE, "setpriv", "--pdeathsig", "KILL"]);
    command.arg(kit.release.join("loadgen"));
    command.args(["--dialect", server.server.dialect()]);
    command.args(["--port", &server.port.to_string()]);
    command.args(["--pid", &server.pid().to_string()]);
    if let Some(credentials) = &server.credentials {
        command.arg("--key").arg(&credentials.key);
        command.args(["--template", &credentials.template]);
    }
    command.args(&scenario.0).env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command
        .output()
        .context("cannot start the load generator")?;
    if !output.status.success() {
        let what = scenario.0.join(" ");
        let log = server.folder.join("server.log");
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(20).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!(
            "{what} failed on {}\n{}",
            server.server.name(),
            last.join("\n")
        );
    }
    serde_json::from_slice(&output.stdout).context("the load generator's report")
}

pub fn run(kit: &Kit, server: &Running, scenario: &Scenario) -> Result<Load> {
    run_for(kit, server, scenario)
}
