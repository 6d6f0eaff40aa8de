//! The real `tidegate serve`, in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::process::Process;
use crate::setup::Setup;
use crate::{tokens, wait};

/// A running broker; killed on drop, its logs shown when the test panics.
pub struct Broker {
    pub process: Process,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub(crate) setup: Setup,
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

    /// Ends it as an operator does and starts another one in its folder, on another port.
    pub async fn restart(mut self) -> Self {
        self.terminate();
        let status = self.process.exit().await;
        assert!(status.success(), "it ended with {status}");
        self.setup.start().await
    }

    /// As [`Broker::restart`], by `kill -9`.
    pub async fn crash(mut self) -> Self {
        self.process.kill();
        self.setup.start().await
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
