//! What the gateway plugin's default settings allow.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;

/// Denied: ERR_BADAUTH, with a reason and the topic for the client to see.
async fn denied(client: &mut Client, topic: &str, token: Option<&str>) -> String {
    let mut data = json!({"topics": [topic]});
    if let Some(token) = token {
        data["auth_token"] = json!(token);
    }
    let response = client.ask("LISTEN", data).await;
    assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    assert_eq!(response["data"]["topic"], topic, "{response}");
    let reason = response["data"]["reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(!reason.is_empty(), "{response}");
    reason
}

#[tokio::test]
async fn channels_are_open_to_all() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    client
        .listen(&[
            "channel:update",
            "channel:follow",
            "channel:prediction:lock",
        ])
        .await;
}

#[tokio::test]
async fn chat_needs_its_scope() {
    let broker = Broker::start().await;
    let reader = broker.token("alice", &["user:read:chat"]);
    let writer = broker.token("alice", &["user:write:chat"]);
    let mut client = Client::connect(&broker).await;
    let reason = denied(&mut client, "chat:general", None).await;
    assert!(reason.contains("user:read:chat"), "{reason}");
    let reason = denied(&mut client, "chat:general", Some(&writer)).await;
    assert!(reason.contains("user:read:chat"), "{reason}");
    client.listen_with(&["chat:general"], &reader).await;
    let data = json!({"topic": "chat:general", "message": "hi"});
    client.ask("AUTH", json!({"auth_token": reader})).await;
    assert_eq!(
        client.ask("PUBLISH", data.clone()).await["error"],
        "ERR_BADAUTH"
    );
    let mut other = Client::connect(&broker).await;
    other.ask("AUTH", json!({"auth_token": writer})).await;
    assert_eq!(other.ask("PUBLISH", data).await["error"], "");
    client.expect_message("chat:general", "hi").await;
}

#[tokio::test]
async fn a_users_topics_are_that_users() {
    let broker = Broker::start().await;
    let alice = broker.token("alice", &[]);
    let odd = broker.token("a:b c", &[]);
    let mut client = Client::connect(&broker).await;
    denied(&mut client, "user:alice:notification", None).await;
    denied(&mut client, "user:bob:notification", Some(&alice)).await;
    denied(&mut client, "user:alic:notification", Some(&alice)).await;
    client
        .listen_with(&["user:alice:notification"], &alice)
        .await;
    denied(&mut client, "user:a:b", Some(&odd)).await;
    client
        .listen_with(&["user:a%3Ab%20c:notification"], &odd)
        .await;
}

#[tokio::test]
async fn what_no_rule_covers_is_denied() {
    let broker = Broker::start().await;
    let all = broker.token(
        "alice",
        &["user:read:chat", "channel:write", "tidegate:publish"],
    );
    let mut client = Client::connect(&broker).await;
    denied(&mut client, "unheard-of:topic", Some(&all)).await;
    denied(&mut client, "channel", Some(&all)).await;
}
