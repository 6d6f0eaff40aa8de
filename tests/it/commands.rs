//! PUBLISH and AUTH over the WebSocket, and what `?v=1` adds.

use std::collections::HashSet;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::setup::Setup;

#[tokio::test]
async fn publish_reaches_listeners_and_is_answered_if_it_has_a_nonce() {
    let broker = Broker::start().await;
    let token = broker.token("streamer", &["channel:write"]);
    let mut listener = Client::connect(&broker).await;
    listener.listen(&["channel:update"]).await;
    let mut publisher = Client::connect(&broker).await;
    assert_eq!(
        publisher.ask("AUTH", json!({"auth_token": token})).await["error"],
        ""
    );
    let data = json!({"topic": "channel:update", "message": {"n": 1}});
    let response = publisher.ask("PUBLISH", data).await;
    assert_eq!(response["error"], "", "{response}");
    let silent = json!({"topic": "channel:update", "message": "two", "event": "changed"});
    publisher
        .send(json!({"type": "PUBLISH", "data": silent}))
        .await;
    publisher.expect_nothing_before_pong().await;
    listener
        .expect_message("channel:update", r#"{"n":1}"#)
        .await;
    let frame = listener.frame().await;
    assert_eq!(
        (&frame["data"]["message"], &frame["data"]["event"]),
        (&json!("two"), &json!("changed"))
    );
}

#[tokio::test]
async fn a_publisher_that_listens_hears_itself() {
    let broker = Broker::start().await;
    let token = broker.token("streamer", &["channel:write"]);
    let mut client = Client::connect(&broker).await;
    client.ask("AUTH", json!({"auth_token": token})).await;
    client.listen(&["channel:update"]).await;
    let data = json!({"topic": "channel:update", "message": "echo"});
    client.send(json!({"type": "PUBLISH", "data": data})).await;
    client.expect_message("channel:update", "echo").await;
}

#[tokio::test]
async fn publishing_needs_its_scope_and_says_why() {
    let broker = Broker::start().await;
    let reader = broker.token("alice", &["user:read:chat"]);
    let mut listener = Client::connect(&broker).await;
    listener.listen(&["channel:update"]).await;
    let mut client = Client::connect(&broker).await;
    let data = json!({"topic": "channel:update", "message": "no"});
    let anonymous = client.ask("PUBLISH", data.clone()).await;
    assert_eq!(anonymous["error"], "ERR_BADAUTH", "{anonymous}");
    client.ask("AUTH", json!({"auth_token": reader})).await;
    let denied = client.ask("PUBLISH", data).await;
    assert_eq!(denied["error"], "ERR_BADAUTH");
    let reason = denied["data"]["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("channel:write"),
        "the reason names the scope: {denied}"
    );
    let service = broker.service_token();
    broker
        .publish(&service, "channel:update", json!("yes"))
        .await;
    listener.expect_message("channel:update", "yes").await;
}

#[tokio::test]
async fn auth_sets_the_default_and_a_listens_token_only_its_own_topics() {
    let broker = Broker::start().await;
    let reader = broker.token("alice", &["user:read:chat"]);
    let mut client = Client::connect(&broker).await;
    client.listen_with(&["chat:one"], &reader).await;
    let response = client.ask("LISTEN", json!({"topics": ["chat:two"]})).await;
    assert_eq!(
        response["error"], "ERR_BADAUTH",
        "the token bound chat:one only"
    );
    assert_eq!(
        client.ask("AUTH", json!({"auth_token": reader})).await["error"],
        ""
    );
    client
        .listen(&["chat:two", "user:alice:notification"])
        .await;
}

#[tokio::test]
async fn auth_without_a_nonce_is_answered_too() {
    let broker = Broker::start().await;
    let token = broker.token("alice", &[]);
    let mut client = Client::connect(&broker).await;
    client
        .send(json!({"type": "AUTH", "data": {"auth_token": token}}))
        .await;
    client
        .expect(json!({"type": "RESPONSE", "error": "", "nonce": ""}))
        .await;
}

/// AUTH with other scopes asks again about what the connection's token carried.
#[tokio::test]
async fn auth_with_fewer_scopes_revokes_what_they_carried() {
    let broker = Broker::start().await;
    let reader = broker.token("alice", &["user:read:chat"]);
    let bare = broker.token("alice", &[]);
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.ask("AUTH", json!({"auth_token": reader})).await;
    client.listen(&["chat:general", "channel:update"]).await;
    client
        .send(json!({"type": "AUTH", "nonce": "a", "data": {"auth_token": bare}}))
        .await;
    let mut frames = [client.frame().await, client.frame().await];
    frames.sort_by_key(|frame| frame["type"].to_string());
    assert_eq!(frames[0]["type"], "AUTH_REVOKED");
    assert_eq!(frames[0]["data"]["topics"], json!(["chat:general"]));
    assert_eq!(
        frames[1],
        json!({"type": "RESPONSE", "error": "", "nonce": "a"})
    );
    broker
        .publish(&service, "chat:general", json!("unheard"))
        .await;
    broker
        .publish(&service, "channel:update", json!("heard"))
        .await;
    client.expect_message("channel:update", "heard").await;
}

#[tokio::test]
async fn welcome_goes_to_version_1_only() {
    let broker = Setup::new().env("TIDEGATE_NODE_ID", "n-1").start().await;
    let (mut client, welcome) = Client::connect_v1(&broker).await;
    let session = welcome["data"]["session_id"].as_str().unwrap_or_default();
    assert_session_id(session, "n-1");
    let keepalive = welcome["data"]["keepalive_seconds"]
        .as_u64()
        .unwrap_or_default();
    assert!(keepalive > 0, "{welcome}");
    client.expect_nothing_before_pong().await;
    let (_other, other_welcome) = Client::connect_v1(&broker).await;
    assert_ne!(other_welcome["data"]["session_id"], session);
    let mut old = Client::connect(&broker).await;
    old.expect_nothing_before_pong().await;
}

/// `<node>.<worker>.<random>`, of two workers.
fn assert_session_id(id: &str, node: &str) {
    let [named, worker, random] = id.split('.').collect::<Vec<_>>()[..] else {
        panic!("{id} has not three parts");
    };
    assert_eq!(named, node, "{id}");
    assert!(matches!(worker, "0" | "1"), "{id}");
    // 20 characters of 6 bits.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    assert!(random.len() == 20 && random.bytes().all(plain), "{id}");
}

#[tokio::test]
async fn nodes_tell_their_names_and_make_no_session_id_twice() {
    let one = Setup::new().env("FLY_MACHINE_ID", "m1").start().await;
    let two = Setup::new().env("FLY_MACHINE_ID", "m2").start().await;
    let mut seen = HashSet::new();
    for (broker, name) in [(&one, "m1"), (&two, "m2")] {
        broker
            .logged("its node's name", |line| {
                line.contains("\"listening\"") && line.contains(&format!("\"node\":\"{name}\""))
            })
            .await;
        let metrics = broker.admin_get("/metrics").await.body;
        assert!(metrics.contains(&format!("node=\"{name}\"")), "{metrics}");
        for _ in 0..50 {
            // Each takes the place of the one before it.
            let (_client, welcome) = Client::connect_v1(broker).await;
            let id = welcome["data"]["session_id"].as_str().unwrap_or_default();
            assert_session_id(id, name);
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
    }
}
