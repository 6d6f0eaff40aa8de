//! How often a node asks another issuer for its keys: tokens with made-up `kid`s must not become
//! a load on it.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::issuer::Issuer;
use tidegate_tests::setup::Setup;
use tidegate_tests::{tokens, wait};

const FLOOD: usize = 300;
/// The node's ten seconds, less what a busy machine may take from one request to its arrival.
const WINDOW: Duration = Duration::from_millis(9_500);
/// The window and what [`wait::PATIENCE`] allows for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The answer to a LISTEN that needs a token with the scope `user:read:chat`.
async fn listen(client: &mut Client, token: &str) -> Value {
    let data = json!({"topics": ["chat:general"], "auth_token": token});
    client.ask("LISTEN", data).await
}

/// Everyone may make tokens with any `kid`; the signature is looked at only when the key is known.
async fn flood(client: &mut Client, genuine: &str, error: &str) {
    for n in 0..FLOOD {
        let forged = tokens::with_kid(genuine, &format!("made-up-{n}"));
        let response = listen(client, &forged).await;
        assert_eq!(response["error"], error, "{response}");
    }
}

/// One fetch at the start, and no two in one window.
fn assert_spaced(issuer: &Issuer) {
    let fetches = issuer.fetches();
    assert!(fetches.len() >= 2, "{fetches:?}");
    for pair in fetches.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap >= WINDOW, "{gap:?} between two fetches");
    }
}

#[tokio::test]
async fn a_flood_of_unknown_kids_makes_one_fetch_in_ten_seconds() {
    let (old, new) = (Broker::start().await, Broker::start().await);
    let issuer = Issuer::start(&[&old]).await;
    let broker = Setup::new().env("JWKS_URL", &issuer.url()).start().await;
    let known = old.token("alice", &["user:read:chat"]);
    let rotated = new.token("bob", &["user:read:chat"]);
    let mut client = Client::connect(&broker).await;
    assert_eq!(listen(&mut client, &known).await["error"], "");
    issuer.publish(&[&old, &new]).await;
    flood(&mut client, &known, "ERR_BADAUTH").await;
    let taken = "the rotated key's token is taken";
    wait::until_within(PATIENCE, taken, async || {
        let response = listen(&mut client, &rotated).await;
        (response["error"] == "").then_some(())
    })
    .await;
    flood(&mut client, &known, "ERR_BADAUTH").await;
    assert_spaced(&issuer);
}

#[tokio::test]
async fn stale_keys_serve_while_the_issuer_fails_and_a_flood_goes_on() {
    let (known, unknown) = (Broker::start().await, Broker::start().await);
    let issuer = Issuer::start(&[&known]).await;
    let broker = Setup::new().env("JWKS_URL", &issuer.url()).start().await;
    let first = known.token("alice", &["user:read:chat"]);
    let unseen = known.token("bob", &["user:read:chat"]);
    let unknown = unknown.token("carol", &["user:read:chat"]);
    let mut client = Client::connect(&broker).await;
    assert_eq!(listen(&mut client, &first).await["error"], "");
    issuer.fail();
    // Whether a key is unknown or made up cannot be told without its issuer.
    wait::until_within(PATIENCE, "a fetch has failed", async || {
        let response = listen(&mut client, &unknown).await;
        (response["error"] == "ERR_SERVER").then_some(())
    })
    .await;
    flood(&mut client, &first, "ERR_SERVER").await;
    assert_eq!(listen(&mut client, &unseen).await["error"], "");
    assert_spaced(&issuer);
}
