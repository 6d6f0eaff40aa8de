//! A plugin that loads and then fails: in its first calls it is rolled back, without an old one
//! it fails closed.

use serde_json::json;
use tidegate_tests::artifacts;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;

use crate::broken_plugins::{RULES, misbehave, serving, still_version_1};

/// Traps, spins and hogs only once it serves: what it is asked is asked of the old one again,
/// and a burst puts the old one back.
async fn rolled_back(mode: &str) {
    let (plugins, broker, mut listener) = serving().await;
    let mark = broker.process.logs.len();
    misbehave(&plugins, mode);
    let rolled_back = |line: &str| line.contains("guest") && line.contains("roll");
    wait::until(&format!("{mode} is rolled back"), async || {
        let mut client = Client::connect(&broker).await;
        let response = client.ask("LISTEN", json!({"topics": ["any:open"]})).await;
        assert_eq!(
            response["error"], "",
            "{mode}: a candidate's failure is nobody's: {response}"
        );
        broker.process.logs.find_from(mark, rolled_back)
    })
    .await;
    still_version_1(&broker, &mut listener).await;
}

#[tokio::test]
async fn traps_on_every_call() {
    rolled_back("trap").await;
}

#[tokio::test]
async fn loops_for_ever() {
    rolled_back("spin").await;
}

#[tokio::test]
async fn eats_memory() {
    rolled_back("hog").await;
}

#[tokio::test]
async fn recurses_for_ever() {
    rolled_back("deep-recursion").await;
}

/// With no old one to fall back to, calls fail closed, nothing granted is taken away, and the
/// broker stays quick for everybody else.
#[tokio::test]
async fn without_an_old_one_it_fails_closed() {
    for mode in ["trap", "spin", "hog"] {
        let plugins = Plugins::of_guest("misbehave");
        let settings = format!("mode = \"{mode}\"\nonly = \"any:bad\"\n");
        plugins.write("guest.toml", &settings);
        let setup = Setup::new()
            .env("TIDEGATE_PLUGINS", plugins.path())
            .settings(RULES);
        let broker = setup.start().await;
        let service = broker.service_token();
        let mut client = Client::connect(&broker).await;
        client.listen(&["any:good"]).await;
        for _ in 0..10 {
            let response = client.ask("LISTEN", json!({"topics": ["any:bad"]})).await;
            assert_eq!(response["error"], "ERR_SERVER", "{mode}: {response}");
            let told = &response["data"]["reason"];
            assert_eq!(told, "the plugin that decides failed", "{response}");
        }
        broker.publish(&service, "any:good", json!("kept")).await;
        client.expect_message("any:good", "kept").await;
        plugins.replace_by("guest.wasm", &artifacts::guest("ordinary-one"));
        wait::until("a good one is served", async || {
            let response = client.ask("LISTEN", json!({"topics": ["any:bad"]})).await;
            (response["error"] == "").then_some(())
        })
        .await;
    }
}
