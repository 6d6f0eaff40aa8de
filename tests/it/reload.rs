//! The plugin is swapped while clients listen.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::crowd::{Crowd, LAST};
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tidegate_tests::{artifacts, process, wait};

use crate::broken_plugins::RULES;

async fn serving(plugins: &Plugins) -> Broker {
    process::raise_open_files();
    Setup::new()
        .env("TIDEGATE_PLUGINS", plugins.path())
        .start()
        .await
}

/// The default rules with another one for `chat:**`.
fn chat_needs(plugins: &Plugins, scope: &str) -> String {
    let settings = String::from_utf8(plugins.read("gateway.toml")).unwrap();
    let changed = settings.replacen(
        r#"listen = ["user:read:chat"]"#,
        &format!(r#"listen = ["{scope}"]"#),
        1,
    );
    assert_ne!(changed, settings);
    changed
}

/// Asks as a newcomer until the answer is this one.
async fn newcomers_get(broker: &Broker, topic: &str, token: &str, error: &str) {
    wait::until(
        &format!("LISTEN {topic} is answered {error:?}"),
        async || {
            let mut client = Client::connect(broker).await;
            let data = json!({"topics": [topic], "auth_token": token});
            (client.ask("LISTEN", data).await["error"] == error).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn new_settings_hold_for_old_listeners_too() {
    let plugins = Plugins::new();
    let broker = serving(&plugins).await;
    let service = broker.service_token();
    let reader = broker.token("alice", &["user:read:chat"]);
    let both = broker.token("bob", &["user:read:chat", "user:read:premium"]);
    let mut alice = Client::connect(&broker).await;
    let mut bob = Client::connect(&broker).await;
    alice
        .listen_with(&["chat:general", "channel:update"], &reader)
        .await;
    bob.listen_with(&["chat:general"], &both).await;
    plugins.write("gateway.toml", &chat_needs(&plugins, "user:read:premium"));
    alice
        .expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}}))
        .await;
    newcomers_get(&broker, "chat:general", &reader, "ERR_BADAUTH").await;
    broker
        .publish(&service, "chat:general", json!("for premium"))
        .await;
    broker
        .publish(&service, "channel:update", json!("for all"))
        .await;
    alice.expect_message("channel:update", "for all").await;
    bob.expect_message("chat:general", "for premium").await;
}

#[tokio::test]
async fn a_new_component_holds_for_old_listeners_too() {
    let plugins = Plugins::of_guest("ordinary-one");
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.settings(RULES).start().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["any:open"]).await;
    let denied = client
        .ask("LISTEN", json!({"topics": ["any:secret"]}))
        .await;
    assert_eq!(denied["data"]["reason"], "denied by version 1");
    plugins.replace_by("guest.wasm", &artifacts::guest("ordinary-two"));
    client
        .expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["any:open"]}}))
        .await;
    client.listen(&["any:secret"]).await;
    let denied = client.ask("LISTEN", json!({"topics": ["any:open"]})).await;
    assert_eq!(denied["data"]["reason"], "denied by version 2");
}

/// A decision remembered from the old generation must not outlive it.
#[tokio::test]
async fn what_was_remembered_is_void() {
    let plugins = Plugins::new();
    let broker = serving(&plugins).await;
    let reader = broker.token("alice", &["user:read:chat"]);
    for _ in 0..4 {
        let mut client = Client::connect(&broker).await;
        client.listen_with(&["chat:general"], &reader).await;
    }
    plugins.write("gateway.toml", &chat_needs(&plugins, "user:read:premium"));
    newcomers_get(&broker, "chat:general", &reader, "ERR_BADAUTH").await;
    // Workers switch one after the other: the rule is new on each when all newcomers see it.
    for _ in 0..8 {
        newcomers_get(&broker, "chat:general", &reader, "ERR_BADAUTH").await;
    }
    plugins.write("gateway.toml", &chat_needs_again(&plugins));
    newcomers_get(&broker, "chat:general", &reader, "").await;
}

fn chat_needs_again(plugins: &Plugins) -> String {
    let settings = String::from_utf8(plugins.read("gateway.toml")).unwrap();
    settings.replacen("user:read:premium", "user:read:chat", 1)
}

/// Publishes `0`, `1`, … one after the other until told to stop, then [`LAST`].
async fn publish_until(broker: &Broker, stop: &AtomicBool) -> usize {
    let writer = broker.token("streamer", &["channel:write"]);
    let mut client = Client::connect(broker).await;
    client.ask("AUTH", json!({"auth_token": writer})).await;
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let data = json!({"topic": "channel:update", "message": number.to_string()});
        let response = client.ask("PUBLISH", data).await;
        assert_eq!(response["error"], "", "publishing never fails: {response}");
        number += 1;
    }
    client
        .ask(
            "PUBLISH",
            json!({"topic": "channel:update", "message": LAST}),
        )
        .await;
    number
}

/// Issue 3, point 6: settings changed, broken and repaired under 2,000 listeners.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_listeners_lose_nothing() {
    let plugins = Plugins::new();
    let broker = serving(&plugins).await;
    let component = plugins.read("gateway.wasm");
    let reader = broker.token("alice", &["user:read:chat"]);
    let bare = broker.token("bob", &[]);
    let plain = Crowd::gather(&broker, 1_800, &["channel:update"], &bare).await;
    let chatting = Crowd::gather(&broker, 200, &["channel:update", "chat:general"], &reader).await;
    let stop = AtomicBool::new(false);
    let swaps = async {
        plugins.write("gateway.toml", &chat_needs(&plugins, "user:read:premium"));
        chatting.all_revoked().await;
        newcomers_get(&broker, "chat:general", &reader, "ERR_BADAUTH").await;
        let mark = broker.process.logs.len();
        plugins.replace("gateway.wasm", &component[..component.len() / 2]);
        broker
            .logged_from(mark, "the plugin is broken", |line| {
                line.contains("gateway")
            })
            .await;
        newcomers_get(&broker, "chat:general", &reader, "ERR_BADAUTH").await;
        plugins.replace("gateway.wasm", &component);
        plugins.write("gateway.toml", &chat_needs_again(&plugins));
        newcomers_get(&broker, "chat:general", &reader, "").await;
        stop.store(true, Ordering::Relaxed);
    };
    let (published, ()) = tokio::join!(publish_until(&broker, &stop), swaps);
    assert!(
        published > 10,
        "only {published} publications while the plugin was swapped"
    );
    assert_eq!(plain.revoked(), 0);
    for seen in plain.finish().await {
        assert_eq!(seen.numbered, published);
    }
    for seen in chatting.finish().await {
        assert_eq!(
            (seen.numbered, seen.revoked),
            (published, vec!["chat:general".to_owned()])
        );
    }
}
