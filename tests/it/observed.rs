//! What operators see: metrics, admin under load, logs, Sentry.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::sentry::Ingest;
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;
use tokio::time::Instant;

use crate::broken_plugins::RULES;

#[tokio::test]
async fn every_metric_is_described_and_ours() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    client.ask("LISTEN", json!({"topics": ["chat:no"]})).await;
    broker.publish(&service, "channel:update", json!(1)).await;
    client.expect_message("channel:update", "1").await;
    let text = broker.admin_get("/metrics").await.body;
    let described = |name: &str| text.contains(&format!("# HELP {name} "));
    let mut samples = 0;
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let ends = ["_bucket", "_sum", "_count"];
        let base = ends
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(name.starts_with("tidegate_"), "{line}");
        assert!(described(name) || described(base), "{name} has no HELP");
        samples += 1;
    }
    assert!(samples > 20, "{text}");
}

/// Counters move by what happened.
#[tokio::test]
async fn counters_follow_what_happens() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let sessions = async || {
        broker
            .metric("tidegate_connections")
            .await
            .unwrap_or_default()
    };
    assert_eq!(sessions().await, 0.0);
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = Client::connect(&broker).await;
        client.listen(&["channel:update"]).await;
        clients.push(client);
    }
    assert_eq!(sessions().await, 5.0);
    broker.publish(&service, "channel:update", json!(1)).await;
    for client in &mut clients {
        client.expect_message("channel:update", "1").await;
    }
    drop(clients);
    wait::until("the sessions have ended", async || {
        (sessions().await == 0.0).then_some(())
    })
    .await;
}

/// A scrape shows every call that was answered before it.
#[tokio::test]
async fn plugin_counters_do_not_lag() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    let count = async |name: &str| broker.metric(name).await.unwrap_or_default();
    for turn in 0..10 {
        let before = (
            count("tidegate_plugin_calls_total").await,
            count("tidegate_plugin_denials_total").await,
        );
        client.listen(&[&format!("channel:{turn}")]).await;
        let denied = client
            .ask("LISTEN", json!({"topics": [format!("chat:{turn}")]}))
            .await;
        assert_eq!(denied["error"], "ERR_BADAUTH", "{denied}");
        let after = (
            count("tidegate_plugin_calls_total").await,
            count("tidegate_plugin_denials_total").await,
        );
        assert_eq!(after, (before.0 + 2.0, before.1 + 1.0), "turn {turn}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_answers_under_load() {
    let broker = Setup::new().env("TIDEGATE_WORKERS", "1").start().await;
    let writer = broker.token("streamer", &["channel:write"]);
    let mut listeners = Vec::new();
    for _ in 0..300 {
        let mut client = Client::connect(&broker).await;
        client.listen(&["channel:update"]).await;
        listeners.push(tokio::spawn(
            async move { while client.next().await.is_ok() {} },
        ));
    }
    let mut flood = Client::connect(&broker).await;
    flood.ask("AUTH", json!({"auth_token": writer})).await;
    let flooding = tokio::spawn(async move {
        loop {
            let data = json!({"topic": "channel:update", "message": "x".repeat(100)});
            flood.ask_among("PUBLISH", data).await;
        }
    });
    let start = Instant::now();
    for path in ["/healthz", "/readyz", "/metrics"].repeat(10) {
        assert_eq!(broker.admin_get(path).await.status, 200, "{path}");
    }
    assert!(
        start.elapsed().as_secs() < 15,
        "{:?} for 30 answers",
        start.elapsed()
    );
    assert!(!flooding.is_finished(), "the load went on all the time");
    flooding.abort();
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn logs_are_json_lines_outside_a_terminal() {
    let broker = Broker::start().await;
    for line in broker.process.logs.text().lines() {
        let parsed: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            parsed["level"].is_string() && parsed["timestamp"].is_string(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn errors_go_to_sentry_without_secrets() {
    let sentry = Ingest::start().await;
    let plugins = Plugins::of_guest("misbehave");
    plugins.write("guest.toml", "mode = \"trap\"\nonly = \"any:bad\"\n");
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let setup = setup
        .env("SENTRY_DSN", &sentry.dsn())
        .env("SESSION_SECRET", "s3cr3t");
    let broker = setup.settings(RULES).start().await;
    let token = broker.token("alice", &[]);
    let mut client = Client::connect(&broker).await;
    for _ in 0..4 {
        let data = json!({"topics": ["any:bad"], "auth_token": token});
        assert_eq!(client.ask("LISTEN", data).await["error"], "ERR_SERVER");
    }
    let envelope = sentry.holding("guest").await;
    assert_eq!(envelope.path, "/api/42/envelope/");
    assert!(
        envelope.auth.contains("sentry_key=public"),
        "{}",
        envelope.auth
    );
    let mut lines = envelope.body.lines().map(serde_json::from_str::<Value>);
    let header = lines.next().unwrap().unwrap();
    assert!(header["event_id"].is_string(), "{header}");
    for envelope in sentry.all() {
        assert!(!envelope.body.contains("s3cr3t") && !envelope.body.contains(&token));
    }
}

/// What is still unsent when the process ends is sent before it does.
#[tokio::test]
async fn a_crash_at_the_start_reaches_sentry() {
    let sentry = Ingest::start().await;
    let plugins = Plugins::of_guest("ordinary-one");
    plugins.replace("guest.wasm", b"nonsense");
    let setup = Setup::new()
        .env("TIDEGATE_PLUGINS", plugins.path())
        .settings(RULES);
    let (status, _) = setup.env("SENTRY_DSN", &sentry.dsn()).start_refused().await;
    assert!(!status.success());
    sentry.holding("guest").await;
}
