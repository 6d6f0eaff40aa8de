//! The real `tidegate serve`, in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::process::Process;
use crate::{artifacts, ports, tokens, wait};

/// What a broker is started with. The environment holds nothing else.
pub struct Setup {
    folder: TempDir,
    env: Vec<(String, String)>,
    admin: SocketAddr,
    open_files: Option<u32>,
}

/// A running broker; killed on drop, its logs shown when the test panics.
pub struct Broker {
    pub process: Process,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    setup: Setup,
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

impl Broker {
    /// One with nothing but the defaults.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// Waits for `/readyz` to answer 200.
    pub async fn ready(&self) {
        wait::until("the broker is ready", async || {
            (self.try_get("/readyz").await?.status == 200).then_some(())
        })
        .await;
    }

    pub fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Answer {
        http::get(&self.url(path), &[]).await
    }

    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        http::try_request(reqwest::Method::GET, &self.url(path), &[], "").await
    }

    pub async fn admin_get(&self, path: &str) -> Answer {
        http::get(&format!("http://{}{path}", self.admin), &[]).await
    }

    /// A token that `tidegate token mint` makes with this broker's keys.
    pub fn token(&self, subject: &str, scopes: &[&str]) -> String {
        self.token_for(subject, scopes, "1h")
    }

    pub fn token_for(&self, subject: &str, scopes: &[&str], ttl: &str) -> String {
        tokens::mint(self.folder(), &self.setup.env, subject, scopes, ttl)
    }

    /// The environment it was started with, for other commands.
    pub fn env(&self) -> &[(String, String)] {
        &self.setup.env
    }

    /// `POST /publish` of one publication, which must be taken.
    pub async fn publish(&self, service_token: &str, topic: &str, message: Value) {
        let body = json!({"topic": topic, "message": message});
        let answer = self.post_publish(service_token, &body.to_string()).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"published": 1}))
        );
    }

    pub async fn post_publish(&self, service_token: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {service_token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        http::post(&self.url("/publish"), &headers, body.to_owned()).await
    }

    /// A token that may `POST /publish`.
    pub fn service_token(&self) -> String {
        self.token("service", &["tidegate:publish"])
    }

    /// What the process holds of memory.
    pub fn resident_bytes(&self) -> usize {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("the broker runs, on Linux");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes.unwrap_or(0_usize) << 10
    }

    /// CPU time that its threads have used.
    pub fn cpu_time(&self) -> Duration {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let used = tasks
            .expect("the broker runs, on Linux")
            .filter_map(|task| {
                let schedstat =
                    std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
                schedstat.split(' ').next()?.parse::<u64>().ok()
            });
        Duration::from_nanos(used.sum())
    }

    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits for a log line.
    pub async fn logged(&self, what: &str, matches: impl Fn(&str) -> bool) -> String {
        self.logged_from(0, what, matches).await
    }

    /// Waits for a log line at or after the mark.
    pub async fn logged_from(
        &self,
        mark: usize,
        what: &str,
        matches: impl Fn(&str) -> bool,
    ) -> String {
        let what = format!("the log says {what}");
        wait::until(&what, async || self.process.logs.find_from(mark, &matches)).await
    }

    /// Sum of a metric's samples over all labels; `None` = it is not there.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.admin_get("/metrics").await.body;
        let samples: Vec<f64> = text
            .lines()
            .filter(|line| {
                line.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ']))
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
            .collect();
        (!samples.is_empty()).then(|| samples.iter().sum())
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
