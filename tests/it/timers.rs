//! What ends by the clock: silent connections, and tokens.

use std::time::Duration;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::{Client, End};
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;
use tidegate_tests::{frames, wait};
use tokio::time::Instant;

const FIRST_COMMAND: &str = "[limits]\nfirst_command_timeout = \"400ms\"\n";

#[tokio::test]
async fn a_client_that_commands_nothing_is_closed() {
    let broker = Setup::new().settings(FIRST_COMMAND).start().await;
    let started = Instant::now();
    let mut client = Client::connect(&broker).await;
    client.send(json!({"type": "PING"})).await;
    assert_eq!(client.close_code().await, 4003, "a PING is no command");
    assert!(started.elapsed() >= Duration::from_millis(400));
}

/// The clients are given twice the time that closes the silent one beside them.
#[tokio::test]
async fn any_command_is_enough() {
    let broker = Setup::new().settings(FIRST_COMMAND).start().await;
    let token = broker.token("alice", &[]);
    let mut clients = Vec::new();
    for (kind, data) in [
        ("LISTEN", json!({"topics": ["channel:update"]})),
        ("AUTH", json!({"auth_token": token})),
        ("PUBLISH", json!({"topic": "channel:update", "message": 1})),
        ("CALL", json!({"method": "nobody.does"})),
    ] {
        let mut client = Client::connect(&broker).await;
        client.ask(kind, data).await;
        clients.push((kind, client));
    }
    for _ in 0..2 {
        let mut silent = Client::connect(&broker).await;
        assert_eq!(silent.close_code().await, 4003);
    }
    for (kind, client) in &mut clients {
        client.send(json!({"type": "PING"})).await;
        assert_eq!(
            client.next().await,
            Ok(r#"{"type":"PONG"}"#.to_owned()),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let settings = "[limits]\nheartbeat = \"200ms\"\nidle_timeout = \"900ms\"\n";
    let broker = Setup::new().settings(settings).start().await;
    // tungstenite answers pings by itself: a bare socket does not.
    let mut silent = Raw::upgraded(broker.address).await;
    silent
        .send(&frames::text(
            r#"{"type":"LISTEN","data":{"topics":["channel:a"]}}"#,
        ))
        .await;
    let mut pinged = false;
    let mut code = None;
    while let Some(frame) = silent.frame().await {
        pinged |= frame.opcode == frames::PING;
        if frame.opcode == frames::CLOSE {
            code = frame
                .payload
                .first_chunk::<2>()
                .map(|two| u16::from_be_bytes(*two));
        }
    }
    assert!(pinged, "an idle client is pinged before it is given up");
    assert_eq!(code, Some(4004));
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let settings = "[limits]\nheartbeat = \"200ms\"\nidle_timeout = \"900ms\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let service = broker.service_token();
    let mut quiet = Client::connect(&broker).await;
    quiet.listen(&["channel:update"]).await;
    let reading = tokio::spawn(async move { (quiet.text().await, quiet) });
    let mut silent = Raw::upgraded(broker.address).await;
    silent
        .send(&frames::text(
            r#"{"type":"LISTEN","data":{"topics":["channel:a"]}}"#,
        ))
        .await;
    silent.end().await;
    broker
        .publish(&service, "channel:update", json!("still here"))
        .await;
    let (text, _) = wait::soon("the quiet client hears", reading).await.unwrap();
    assert!(text.contains("still here"));
}

#[tokio::test]
async fn topics_end_with_the_token_that_carried_them() {
    let settings = "[auth]\nleeway = \"0s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let service = broker.service_token();
    let short = broker.token_for("alice", &["user:read:chat"], "3s");
    let long = broker.token("alice", &["user:read:chat"]);
    let mut client = Client::connect(&broker).await;
    client
        .listen_with(&["chat:short", "user:alice:short"], &short)
        .await;
    client.listen_with(&["chat:long"], &long).await;
    client.listen(&["channel:update"]).await;
    let revoked = client.frame().await;
    assert_eq!(revoked["type"], "AUTH_REVOKED", "{revoked}");
    let mut topics: Vec<_> = revoked["data"]["topics"].as_array().unwrap().clone();
    topics.sort_by_key(ToString::to_string);
    assert_eq!(topics, [json!("chat:short"), json!("user:alice:short")]);
    broker
        .publish(&service, "chat:short", json!("unheard"))
        .await;
    broker.publish(&service, "chat:long", json!("heard")).await;
    client.expect_message("chat:long", "heard").await;
    let data = json!({"topics": ["chat:short"], "auth_token": short});
    assert_eq!(client.ask("LISTEN", data).await["error"], "ERR_BADAUTH");
}

#[tokio::test]
async fn a_default_token_expires_too() {
    let settings = "[auth]\nleeway = \"0s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let short = broker.token_for("alice", &["user:read:chat"], "3s");
    let mut client = Client::connect(&broker).await;
    client.ask("AUTH", json!({"auth_token": short})).await;
    client.listen(&["chat:general"]).await;
    let revoked = json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}});
    client.expect(revoked).await;
    let response = client
        .ask("LISTEN", json!({"topics": ["chat:general"]}))
        .await;
    assert_eq!(response["error"], "ERR_BADAUTH");
}

#[tokio::test]
async fn a_clients_close_is_answered() {
    let broker = Broker::start().await;
    let mut raw = Raw::upgraded(broker.address).await;
    raw.send(&frames::frame(
        frames::FIN | frames::CLOSE,
        &1000_u16.to_be_bytes(),
    ))
    .await;
    assert_eq!(raw.close_code().await, Some(1000));
    raw.end().await;
    let mut client = Client::connect(&broker).await;
    client
        .send_message(tokio_tungstenite::tungstenite::Message::Close(None))
        .await;
    assert!(matches!(
        client.end().await,
        End::Bare
            | End::Cut
            | End::Closed {
                code: 1000 | 1005,
                ..
            }
    ));
}
