//! Logging out on all nodes: by session, by subject, in every mode of the bus.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::cookies::{cookie, document};
use tidegate_tests::http::{self, Answer};
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::{tokens, wait};

const SECRET: &str = "keyboard cat";

async fn two_nodes(url: &str, settings: &str) -> [Broker; 2] {
    let keys = tokens::keys("EdDSA");
    let setup = || {
        let setup = Setup::new()
            .env("REDIS_URL", url)
            .env("TIDEGATE_KEYS", &keys)
            .env("SESSION_SECRET", SECRET);
        setup.settings(settings)
    };
    [setup().start().await, setup().start().await]
}

/// `redis-cli -c` finds the node of a cluster that keeps the key.
fn store(redis: &Redis, id: &str, user: &str) {
    let document = document(user, &["user:read:chat", "channel:write"]).to_string();
    let stored = redis.cli(&["-c", "SET", &format!("sess:{id}"), &document, "EX", "3600"]);
    assert!(stored.contains("OK"), "{stored}");
}

async fn swap(broker: &Broker, id: &str) -> Answer {
    http::get(&broker.url("/auth/ws"), &[("cookie", &cookie(id, SECRET))]).await
}

async fn token_of(broker: &Broker, id: &str) -> String {
    let answer = swap(broker, id).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn revoke(broker: &Broker, path: &str) -> Answer {
    http::post(&format!("http://{}{path}", broker.admin), &[], "").await
}

/// One with `token` as its own, listening with it.
async fn listening(broker: &Broker, token: &str) -> Client {
    let mut client = Client::connect(broker).await;
    let response = client.ask("AUTH", json!({"auth_token": token})).await;
    assert_eq!(response["error"], "", "{response}");
    client.listen(&["chat:general"]).await;
    client
}

async fn is_logged_out(client: &mut Client, token: &str) {
    client
        .expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}}))
        .await;
    let publication = json!({"topic": "channel:update", "message": 1});
    for (kind, data) in [
        (
            "LISTEN",
            json!({"topics": ["chat:general"], "auth_token": token}),
        ),
        ("LISTEN", json!({"topics": ["chat:general"]})),
        ("PUBLISH", publication),
        ("AUTH", json!({"auth_token": token})),
    ] {
        let response = client.ask(kind, data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{kind}: {response}");
    }
    client.expect_nothing_before_pong().await;
}

async fn a_session_ends_everywhere(nodes: &[Broker; 2], redis: &Redis) {
    store(redis, "ses-7f3a", "alice");
    store(redis, "two", "alice");
    let token = token_of(&nodes[0], "ses-7f3a").await;
    // Made from the same session and shown to nobody yet.
    let unseen = token_of(&nodes[1], "ses-7f3a").await;
    let other = token_of(&nodes[0], "two").await;
    let mut gone = Vec::new();
    let mut staying = Vec::new();
    for node in nodes {
        gone.push(listening(node, &token).await);
        staying.push(listening(node, &other).await);
    }
    let answer = revoke(&nodes[0], "/sessions/ses-7f3a/revoke").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for client in &mut gone {
        is_logged_out(client, &token).await;
        let data = json!({"topics": ["chat:general"], "auth_token": unseen});
        let response = client.ask("LISTEN", data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    }
    for node in nodes {
        assert_eq!(
            swap(node, "ses-7f3a").await.status,
            401,
            "the document is gone"
        );
    }
    for client in &mut staying {
        client.expect_nothing_before_pong().await;
        client.listen(&["chat:other"]).await;
    }
}

#[tokio::test]
async fn a_session_ends_on_all_nodes_over_broadcast() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    a_session_ends_everywhere(&nodes, &redis).await;
    for node in &nodes {
        let sessions = node.metric("tidegate_auth_revocations_total").await;
        assert!(sessions >= Some(1.0), "{sessions:?}");
        let log = node.process.logs.text();
        assert!(!log.contains("ses-7f3a"), "a session's id is in the log");
    }
}

#[tokio::test]
async fn a_session_ends_on_all_nodes_over_per_topic() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "[redis]\nmode = \"per-topic\"\n").await;
    a_session_ends_everywhere(&nodes, &redis).await;
}

#[tokio::test]
async fn a_session_ends_on_all_nodes_over_a_cluster() {
    let cluster = Cluster::start().await;
    let nodes = two_nodes(&cluster.url(), "[redis]\nmode = \"sharded\"\n").await;
    a_session_ends_everywhere(&nodes, &cluster.nodes()[1]).await;
}

#[tokio::test]
async fn a_subject_is_logged_out_everywhere_and_may_come_back() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "[auth]\nleeway = \"0s\"\n").await;
    let scopes = ["user:read:chat", "channel:write"];
    let token = nodes[0].token("auth0|é", &scopes);
    let other = nodes[0].token("bob", &scopes);
    let mut gone = Vec::new();
    let mut staying = Vec::new();
    for node in &nodes {
        gone.push(listening(node, &token).await);
        staying.push(listening(node, &other).await);
    }
    let answer = revoke(&nodes[1], "/subjects/auth0%7C%C3%A9/revoke").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for client in &mut gone {
        is_logged_out(client, &token).await;
    }
    for client in &mut staying {
        client.expect_nothing_before_pong().await;
    }
    // Tokens say the second in which they were issued.
    wait::until("a new token is good", async || {
        let fresh = nodes[0].token("auth0|é", &scopes);
        let data = json!({"topics": ["chat:general"], "auth_token": fresh});
        let response = gone[0].ask("LISTEN", data).await;
        (response["error"] == "").then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_redis_it_holds_on_the_node_that_was_asked_and_says_so() {
    let mut redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    let token = nodes[0].token("alice", &["user:read:chat", "channel:write"]);
    let mut here = listening(&nodes[0], &token).await;
    redis.kill();
    wait::until("the node knows that redis is gone", async || {
        (nodes[0].get("/readyz").await.status == 503).then_some(())
    })
    .await;
    let answer = revoke(&nodes[0], "/subjects/alice/revoke").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("this node only"), "{}", answer.body);
    here.expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}}))
        .await;

    redis.restart().await;
    for node in &nodes {
        node.ready().await;
    }
    let mut there = listening(&nodes[1], &token).await;
    let answer = revoke(&nodes[0], "/subjects/alice/revoke").await;
    assert_eq!(answer.status, 200, "repeated, it is heard: {}", answer.body);
    is_logged_out(&mut there, &token).await;
}

#[tokio::test]
async fn a_node_on_its_own_needs_no_redis_for_it() {
    let broker = Broker::start().await;
    let token = broker.token("alice", &["user:read:chat", "channel:write"]);
    let mut client = listening(&broker, &token).await;
    let answer = revoke(&broker, "/subjects/alice/revoke").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    is_logged_out(&mut client, &token).await;
}

#[tokio::test]
async fn garbage_on_the_control_channel_is_passed_over() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    let token = nodes[0].token("alice", &["user:read:chat", "channel:write"]);
    let mut client = listening(&nodes[0], &token).await;
    for garbage in [
        "",
        "{",
        "7",
        r#"{"revoke_session":7}"#,
        r#"{"of_tomorrow":[]}"#,
    ] {
        redis.cli(&["PUBLISH", "tidegate:control", garbage]);
    }
    client.expect_nothing_before_pong().await;
    let said = r#"{"revoke_subject":"alice","issued_until":99999999999}"#;
    let heard = redis.cli(&["PUBLISH", "tidegate:control", said]);
    assert_eq!(heard.trim(), "2", "both nodes subscribe once");
    is_logged_out(&mut client, &token).await;
}
