//! The host as the rest of the broker sees it, with components written by hand.

#![allow(clippy::unwrap_used)]

#[path = "testdata/guest.rs"]
mod guest;

mod admission;
mod called;
mod handlers;
mod mapping;
mod refused;
mod reload;
mod serving;
mod sessions;
mod store;
mod tables;
mod users;
mod waiting;
mod world;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use guest::Guest;
use world::World;

/// Long enough for a busy machine; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with one plugin, and settings that send everything to it.
struct Bed {
    folder: TempDir,
    config: PluginConfig,
    runtime: tokio::runtime::Runtime,
    /// What its hooks that wait reach.
    world: World,
}

impl Bed {
    fn new(component: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let component_path = folder.path().join("guest.wasm");
        std::fs::write(&component_path, component).expect("a component file");
        let spec = PluginSpec {
            name: "guest".into(),
            component: component_path,
            settings: PluginSettings::Inline(serde_json::json!({})),
            sha256: None,
            grants: Vec::new(),
        };
        let config = PluginConfig {
            plugins: vec![spec],
            authorize: vec![AuthorizeRule {
                pattern: crate::topic::Pattern::parse("**").expect("a pattern"),
                plugin: "guest".into(),
            }],
            principals: Some("guest".into()),
            cache: folder.path().join("cache"),
            watch: false,
            memory_bytes: 4 << 20,
            ..PluginConfig::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let world = World::new(folder.path(), &runtime);
        Self {
            folder,
            config,
            runtime,
            world,
        }
    }

    fn good() -> Self {
        Self::new(&Guest::default().build())
    }

    /// Of `tests/guests`, for what takes more than a component written by hand.
    fn built(guest: &str) -> Self {
        Self::new(&built(guest))
    }

    fn spec(&mut self) -> &mut PluginSpec {
        &mut self.config.plugins[0]
    }

    fn path(&self) -> PathBuf {
        self.config.plugins[0].component.clone()
    }

    fn hand_out(&self) -> (PluginHost, Handed) {
        let outside = self.world.outside();
        PluginHost::start(self.config.clone(), 2, self.runtime.handle(), outside)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn start(&self) -> (PluginHost, Vec<WorkerPlugins>) {
        let (host, handed) = self.hand_out();
        (host, handed.workers)
    }

    /// With the first of two workers.
    fn serve(&self) -> (PluginHost, WorkerPlugins) {
        let (host, workers) = self.start();
        (host, workers.into_iter().next().expect("two workers"))
    }

    fn error(&self) -> String {
        let outside = self.world.outside();
        match PluginHost::start(self.config.clone(), 1, self.runtime.handle(), outside) {
            Ok(_) => panic!("it started"),
            Err(error) => error.to_string(),
        }
    }

    /// As a build does it.
    fn replace(&self, component: &[u8]) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, component).expect("a draft");
        std::fs::rename(draft, self.path()).expect("a rename");
    }
}

/// A component that `cargo xtask test` has built.
fn built(guest: &str) -> Vec<u8> {
    let program = std::env::current_exe().expect("a test has a program");
    let profile = program.ancestors().nth(2).expect("target/debug/deps/test");
    let path = profile.join("guests").join(format!("{guest}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error} (`cargo xtask test` builds it)", path.display())
    })
}

fn listen(worker: &mut WorkerPlugins, topic: &str) -> Result<Decision, CallError> {
    worker.authorize(Action::Listen, topic, "ann", "user:read:chat")
}

fn verdict(worker: &mut WorkerPlugins, topic: &str) -> Verdict {
    listen(worker, topic)
        .unwrap_or_else(|error| panic!("{topic}: {error}"))
        .verdict
}

fn denied() -> Verdict {
    Verdict::Deny("not for you".into())
}

/// Waits for a condition that other threads bring about.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

/// Waits for mail and takes it up.
fn switch(worker: &mut WorkerPlugins) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, worker.changes().arrived())
            .await
            .expect("mail from the reload thread");
    });
    worker.switch()
}

fn status(host: &PluginHost) -> PluginStatus {
    host.status().into_iter().next().expect("one plugin")
}

/// The reload has been refused; returns why.
fn refusal(host: &PluginHost, contains: &str) -> String {
    until(contains, || {
        status(host)
            .last_error
            .is_some_and(|error| error.contains(contains))
    });
    status(host).last_error.expect("just seen")
}

#[test]
fn a_worker_is_moved_to_its_thread() {
    fn is_send<T: Send>() {}
    is_send::<WorkerPlugins>();
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file written");
}
