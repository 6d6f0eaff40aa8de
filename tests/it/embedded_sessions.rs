//! The session store of a node without Redis, from a file to a token to a logout.

use serde_json::json;
use tidegate_tests::client::Client;
use tidegate_tests::http;
use tidegate_tests::page::swap;
use tidegate_tests::setup::Setup;
use tidegate_tests::{embedded, tokens};

/// What a browser sends back of a `Set-Cookie` header.
fn pair(set_cookie: &str) -> &str {
    set_cookie.split(';').next().unwrap_or_default()
}

#[tokio::test]
async fn a_stored_session_becomes_a_token_until_it_is_ended() {
    let setup = Setup::new();
    let document = json!({"user": {"id": "alice", "scopes": ["user:read:chat"]}});
    let session = embedded::store(&setup, &document).await;
    let other = embedded::store(&setup, &json!({"user": {"id": "bob", "scopes": []}})).await;
    let broker = setup.start().await;
    let cookie = pair(&session.set_cookie);

    let answer = swap(&broker, cookie).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let claims = tokens::claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["sid"]),
        (&json!("alice"), &json!(session.id))
    );
    let mut client = Client::connect(&broker).await;
    client.listen_with(&["chat:general"], &token).await;

    for (wrong, why) in [
        ("connect.sid=s%3Anobody.c2lnbmF0dXJl", "a wrong signature"),
        ("connect.sid=garbage", "no signature"),
        ("other=1", "another cookie"),
    ] {
        assert_eq!(swap(&broker, wrong).await.status, 401, "{why}");
    }

    let path = format!("http://{}/sessions/{}/revoke", broker.admin, session.id);
    let answer = http::post(&path, &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    client
        .expect(json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}}))
        .await;
    assert_eq!(swap(&broker, cookie).await.status, 401, "it is gone");
    let bob = swap(&broker, pair(&other.set_cookie)).await;
    assert_eq!(bob.status, 200, "others stay: {}", bob.body);
}
