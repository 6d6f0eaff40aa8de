//! Requests that are answered by an error, and what they leave as it was.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::setup::Setup;

/// What is no request: the answer is ERR_BADMESSAGE and the connection goes on.
#[tokio::test]
async fn malformed_requests_are_err_badmessage() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    for text in [
        "",
        "nonsense",
        "{",
        "[]",
        "\"LISTEN\"",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"NO_SUCH_TYPE"}"#,
        r#"{"type":"LISTEN"}"#,
        r#"{"type":"LISTEN","data":{}}"#,
        r#"{"type":"LISTEN","data":{"topics":"channel:update"}}"#,
        r#"{"type":"LISTEN","data":{"topics":[1]}}"#,
        r#"{"type":"LISTEN","data":{"topics":[]}}"#,
        r#"{"type":"PUBLISH","data":{"topic":"channel:update"}}"#,
        r#"{"type":"AUTH","data":{}}"#,
        r#"{"type":"CALL","data":{"params":{}}}"#,
    ] {
        client.send_text(text).await;
        let response = client.frame().await;
        assert_eq!(
            (&response["type"], &response["error"], &response["nonce"]),
            (&json!("RESPONSE"), &json!("ERR_BADMESSAGE"), &json!("")),
            "to {text:?}"
        );
    }
    client.listen(&["channel:update"]).await;
}

#[tokio::test]
async fn a_malformed_request_with_a_nonce_gets_it_back() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    for frame in [
        json!({"type": "NO_SUCH_TYPE", "nonce": "a"}),
        json!({"type": "LISTEN", "nonce": "b", "data": {}}),
    ] {
        client.send(frame.clone()).await;
        let response = client.frame().await;
        assert_eq!(
            (&response["error"], &response["nonce"]),
            (&json!("ERR_BADMESSAGE"), &frame["nonce"])
        );
    }
}

#[tokio::test]
async fn names_that_are_no_topics_are_err_badtopic() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    let long = "a".repeat(256);
    for topic in [
        "",
        ":",
        "channel:",
        "channel::update",
        "a b",
        "channel:*",
        "é",
        &long,
    ] {
        let response = client.ask("LISTEN", json!({"topics": [topic]})).await;
        assert_eq!(response["error"], "ERR_BADTOPIC", "{topic:?}");
    }
}

#[tokio::test]
async fn a_listen_is_all_or_nothing() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:fence"]).await;
    for (topics, error) in [
        (["channel:update", "a b"], "ERR_BADTOPIC"),
        (["channel:update", "chat:general"], "ERR_BADAUTH"),
    ] {
        let response = client.ask("LISTEN", json!({"topics": topics})).await;
        assert_eq!(response["error"], error, "{response}");
        broker
            .publish(&service, "channel:update", json!("unheard"))
            .await;
        broker
            .publish(&service, "channel:fence", json!("heard"))
            .await;
        client.expect_message("channel:fence", "heard").await;
    }
}

#[tokio::test]
async fn too_many_topics_take_none() {
    let settings = "[limits]\ntopics_per_connection = 3\n";
    let broker = Setup::new().settings(settings).start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:1", "channel:2"]).await;
    let response = client
        .ask("LISTEN", json!({"topics": ["channel:3", "channel:4"]}))
        .await;
    assert_eq!(response["error"], "ERR_TOO_MANY_TOPICS");
    broker
        .publish(&service, "channel:3", json!("unheard"))
        .await;
    broker.publish(&service, "channel:2", json!("heard")).await;
    client.expect_message("channel:2", "heard").await;
    // What it has already does not count twice, and what it gives up counts no more.
    client
        .listen(&["channel:1", "channel:2", "channel:3"])
        .await;
    client
        .ask("UNLISTEN", json!({"topics": ["channel:1"]}))
        .await;
    client.listen(&["channel:5"]).await;
}

#[tokio::test]
async fn bad_tokens_are_err_badauth() {
    let broker = Broker::start().await;
    let good = broker.token("alice", &["user:read:chat"]);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    // {"alg":"none"} {"sub":"alice","scope":"user:read:chat"}
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsInNjb3BlIjoidXNlcjpyZWFkOmNoYXQifQ.";
    let mut client = Client::connect(&broker).await;
    for token in ["", "x", "a.b.c", &forged, unsigned] {
        let data = json!({"topics": ["chat:general"], "auth_token": token});
        let response = client.ask("LISTEN", data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{token:?}");
        let response = client.ask("AUTH", json!({"auth_token": token})).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{token:?}");
    }
    client.listen_with(&["chat:general"], &good).await;
}

#[tokio::test]
async fn calls_to_methods_nobody_has_are_refused() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    for method in ["nobody.does", "nodot", ""] {
        let response = client
            .ask("CALL", json!({"method": method, "params": {}}))
            .await;
        assert_eq!(response["error"], "ERR_CALL", "{method:?}");
        let data = &response["data"];
        assert_eq!(data["code"], "unknown-method", "{method:?}");
        assert_eq!(data["retryable"], false);
        assert!(data["message"].is_string(), "{data}");
    }
    client.listen(&["channel:update"]).await;
}
