//! What it costs to ask a plugin: a fresh call through the component, and a remembered answer.
//!
//! Besides criterion's figures it prints p50 and p99 of single fresh calls, from which the
//! price of reading the clock is not taken off. `TIDEGATE_PLUGINS` (a folder with `gateway.wasm`
//! and `gateway.toml`) adds the gateway plugin to the one written by hand.

#[path = "../src/plugin/testdata/guest.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod guest;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tidegate::plugin::{
    Action, AuthorizeRule, Outside, PluginConfig, PluginHost, PluginSettings, PluginSpec,
    WorkerPlugins,
};
use tidegate::topic::Pattern;

const SAMPLES: usize = 200_000;

/// A plugin to measure, and a topic on which it answers without letting that be remembered.
struct Subject {
    name: &'static str,
    component: PathBuf,
    settings: PluginSettings,
    topic: &'static str,
    /// A topic whose answer is remembered, if there is one.
    remembered: Option<&'static str>,
}

fn by_hand(folder: &Path) -> Subject {
    let component = folder.join("guest.wasm");
    std::fs::write(&component, guest::Guest::default().build()).expect("a component file");
    Subject {
        name: "by hand",
        component,
        settings: PluginSettings::Inline(serde_json::json!({})),
        topic: "a:prediction:lock",
        remembered: Some("remembered:prediction:lock"),
    }
}

fn gateway() -> Option<Subject> {
    let folder = PathBuf::from(std::env::var_os("TIDEGATE_PLUGINS")?);
    Some(Subject {
        name: "gateway",
        component: folder.join("gateway.wasm"),
        settings: PluginSettings::File(folder.join("gateway.toml")),
        topic: "channel:prediction:lock",
        remembered: None,
    })
}

fn serve(
    subject: &Subject,
    folder: &Path,
    remembered_decisions: usize,
) -> (PluginHost, WorkerPlugins) {
    let config = PluginConfig {
        plugins: vec![PluginSpec {
            name: "plugin".into(),
            component: subject.component.clone(),
            settings: subject.settings.clone(),
            sha256: None,
            grants: Vec::new(),
        }],
        authorize: vec![AuthorizeRule {
            pattern: Pattern::parse("**").expect("a pattern"),
            plugin: "plugin".into(),
        }],
        cache: folder.join("cache"),
        watch: false,
        remembered_decisions,
        ..PluginConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let (host, handed) = PluginHost::start(config, 1, runtime.handle(), Outside::default())
        .unwrap_or_else(|error| panic!("{error}"));
    (host, handed.workers.into_iter().next().expect("one worker"))
}

fn ask(worker: &mut WorkerPlugins, topic: &str) {
    let answer = worker.authorize(
        Action::Listen,
        topic,
        "user-4711",
        "user:read:chat user:write:chat",
    );
    std::hint::black_box(answer).unwrap_or_else(|error| panic!("{error}"));
}

fn percentiles(name: &str, worker: &mut WorkerPlugins, topics: &[String]) {
    let mut samples: Vec<Duration> = topics
        .iter()
        .cycle()
        .take(SAMPLES)
        .map(|topic| {
            let begun = Instant::now();
            ask(worker, topic);
            begun.elapsed()
        })
        .collect();
    samples.sort_unstable();
    let at = |share: usize| samples[samples.len() * share / 1_000].as_nanos();
    println!(
        "authorize {name}: p50 {} ns, p99 {} ns, p99.9 {} ns",
        at(500),
        at(990),
        at(999)
    );
}

fn authorize(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for subject in [Some(by_hand(folder.path())), gateway()]
        .into_iter()
        .flatten()
    {
        // With place for eight decisions and many topics, each call is a fresh one.
        let (host, mut worker) = serve(&subject, folder.path(), 8);
        let topics: Vec<String> = (0..1_000)
            .map(|at| format!("{}{at}", subject.topic))
            .collect();
        percentiles(subject.name, &mut worker, &topics);
        let mut next = topics.iter().cycle();
        criterion.bench_function(&format!("authorize/{}/fresh", subject.name), |bencher| {
            bencher.iter(|| ask(&mut worker, next.next().expect("topics without end")));
        });
        assert_eq!(
            host.status()[0].remembered,
            0,
            "a fresh call was remembered"
        );
        if let Some(topic) = subject.remembered {
            let (_host, mut worker) = serve(&subject, folder.path(), 65_536);
            criterion.bench_function(
                &format!("authorize/{}/remembered", subject.name),
                |bencher| {
                    bencher.iter(|| ask(&mut worker, topic));
                },
            );
        }
    }
}

criterion_group!(benches, authorize);
criterion_main!(benches);
