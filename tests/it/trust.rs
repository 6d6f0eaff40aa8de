//! Whose tokens a node takes: its own, its siblings', another issuer's.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::setup::Setup;
use tidegate_tests::tokens;

async fn listens(broker: &Broker, token: &str) -> bool {
    let mut client = Client::connect(broker).await;
    let data = json!({"topics": ["chat:general"], "auth_token": token});
    let response = client.ask("LISTEN", data).await;
    response["error"] == ""
}

#[tokio::test]
async fn two_nodes_with_one_key_trust_each_other() {
    let keys = tokens::keys("EdDSA");
    let one = Setup::new().env("TIDEGATE_KEYS", &keys).start().await;
    let two = Setup::new().env("TIDEGATE_KEYS", &keys).start().await;
    let token = one.token("alice", &["user:read:chat"]);
    assert!(listens(&two, &token).await);
    let stranger = Broker::start().await;
    assert!(!listens(&stranger, &token).await);
    assert!(!listens(&one, &stranger.token("alice", &["user:read:chat"])).await);
}

#[tokio::test]
async fn the_jwks_holds_the_public_keys_only() {
    let keys = tokens::keys("EdDSA") + &tokens::keys("ES256");
    let broker = Setup::new().env("TIDEGATE_KEYS", &keys).start().await;
    let answer = broker.get("/.well-known/jwks.json").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("application/"));
    let body = answer.json();
    let listed = body["keys"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{body}");
    for key in listed {
        assert!(key["kid"].is_string() && key["alg"].is_string(), "{key}");
        assert!(key.get("d").is_none(), "a private part is published");
    }
    let token = broker.token("alice", &[]);
    assert_eq!(
        tokens::header(&token)["kid"],
        listed[0]["kid"],
        "the first key signs"
    );
}

#[tokio::test]
async fn keys_rotate_by_kid() {
    let (old, new) = (tokens::keys("EdDSA"), tokens::keys("RS256"));
    let before = Setup::new().env("TIDEGATE_KEYS", &old).start().await;
    let token = before.token("alice", &["user:read:chat"]);
    let rotated = Setup::new()
        .env("TIDEGATE_KEYS", &(new.clone() + &old))
        .start()
        .await;
    assert!(listens(&rotated, &token).await);
    assert_eq!(tokens::header(&rotated.token("alice", &[]))["alg"], "RS256");
    let dropped = Setup::new().env("TIDEGATE_KEYS", &new).start().await;
    assert!(!listens(&dropped, &token).await);
}

#[tokio::test]
async fn a_remote_jwks_is_trusted() {
    let issuer = Broker::start().await;
    let jwks = issuer.url("/.well-known/jwks.json");
    let broker = Setup::new().env("JWKS_URL", &jwks).start().await;
    assert!(listens(&broker, &issuer.token("alice", &["user:read:chat"])).await);
    assert!(listens(&broker, &broker.token("alice", &["user:read:chat"])).await);
    let stranger = Broker::start().await;
    assert!(!listens(&broker, &stranger.token("alice", &["user:read:chat"])).await);
}

#[tokio::test]
async fn a_remote_jwks_that_is_gone_leaves_its_known_keys_trusted() {
    let issuer = Broker::start().await;
    let jwks = issuer.url("/.well-known/jwks.json");
    let broker = Setup::new().env("JWKS_URL", &jwks).start().await;
    let known = issuer.token("alice", &["user:read:chat"]);
    let fresh = issuer.token("bob", &["user:read:chat"]);
    assert!(listens(&broker, &known).await);
    drop(issuer);
    assert!(listens(&broker, &fresh).await, "stale keys on error");
}

#[tokio::test]
async fn foreign_issuer_and_audience_are_asked_for_when_set() {
    let issuer = Setup::new()
        .settings("[auth]\nissuer = \"https://id.example\"\n")
        .start()
        .await;
    let jwks = issuer.url("/.well-known/jwks.json");
    let token = issuer.token("alice", &["user:read:chat"]);
    for (wanted, taken) in [
        ("https://id.example", true),
        ("https://other.example", false),
    ] {
        let settings = format!("[auth]\nforeign_issuer = \"{wanted}\"\n");
        let setup = Setup::new().env("JWKS_URL", &jwks).settings(&settings);
        let broker = setup.start().await;
        assert_eq!(listens(&broker, &token).await, taken, "{wanted}");
    }
}

#[tokio::test]
async fn tokens_never_reach_the_log() {
    let broker = Setup::new().env("TIDEGATE_LOG", "debug").start().await;
    let token = broker.token("alice", &["user:read:chat"]);
    assert!(listens(&broker, &token).await);
    let bad = format!("{token}x");
    assert!(!listens(&broker, &bad).await);
    broker.post_publish(&token, "{}").await;
    let query = format!("/ws?v=1&token={token}");
    assert!(Client::open(broker.address, &query, &[]).await.is_ok());
    let logs = broker.process.logs.text();
    let signature = token.rsplit('.').next().unwrap();
    assert!(
        !logs.contains(signature) && !logs.contains(&token),
        "{logs}"
    );
}
