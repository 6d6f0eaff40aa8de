//! A worker that cannot take what the bus has for it: lost, and told.

use serde_json::{Value, json};
use tidegate_tests::client::Client;
use tidegate_tests::setup::Setup;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::wait;

/// The smallest inbox that settings allow, and far more publications in one batch of the bus.
const INBOX: usize = 16;
const BATCH: usize = 200;

/// Reads to the frame of this type; answers it and the messages before it.
async fn until(client: &mut Client, kind: &str) -> (Value, Vec<String>) {
    let mut heard = Vec::new();
    loop {
        let frame = client.frame().await;
        match frame["type"].as_str() {
            Some("MESSAGE") => {
                heard.push(frame["data"]["message"].as_str().unwrap().to_owned());
            }
            Some(other) if other == kind => return (frame, heard),
            _ => panic!("{frame}"),
        }
    }
}

#[tokio::test]
async fn listeners_are_told_in_their_own_words_and_hear_on() {
    let settings = format!("[limits]\ninbox_publications = {INBOX}\n");
    let setup = Setup::new()
        .env("TIDEGATE_WORKERS", "1")
        .settings(&settings);
    let broker = setup.start().await;
    let service = broker.service_token();
    let (mut new, _) = Client::connect_v1(&broker).await;
    let mut old = Client::connect(&broker).await;
    let (mut bystander, _) = Client::connect_v1(&broker).await;
    new.listen(&["channel:update"]).await;
    old.listen(&["channel:update"]).await;
    bystander.listen(&["channel:follow"]).await;

    let batch: Vec<Value> = (0..BATCH)
        .map(|n| json!({"topic": "channel:update", "message": n}))
        .collect();
    let answer = broker
        .post_publish(&service, &Value::from(batch).to_string())
        .await;
    assert_eq!(answer.status, 200, "the publisher is not at fault");

    let (missed, mut by_new) = until(&mut new, "MISSED").await;
    assert_eq!(
        missed["data"],
        json!({"topics": ["channel:update"], "reason": "the node was overloaded"})
    );
    broker
        .publish(&service, "channel:update", json!("last"))
        .await;
    // Spread over some seconds, so that not all come back at once; until then it hears on.
    let (_, mut by_old) = until(&mut old, "RECONNECT").await;
    for (client, heard) in [(&mut new, &mut by_new), (&mut old, &mut by_old)] {
        while heard.last().is_none_or(|last| last != "last") {
            heard.push(client.message().await.1);
        }
    }

    let sent: Vec<String> = (0..INBOX).map(|n| n.to_string()).collect();
    for heard in [by_new, by_old] {
        assert_eq!(heard[..INBOX], sent, "what there was room for, in order");
        assert_eq!(heard[INBOX..], ["last"], "and what came after");
    }
    bystander.expect_nothing_before_pong().await;
    let dropped = wait::until("the drop is counted", async || {
        broker.metric("tidegate_bus_dropped_total").await
    });
    assert_eq!(dropped.await, (BATCH - INBOX) as f64);
}

#[tokio::test]
async fn socket_io_clients_are_told_by_an_event() {
    let settings = format!("[limits]\ninbox_publications = {INBOX}\n");
    let setup = Setup::new()
        .env("TIDEGATE_WORKERS", "1")
        .settings(&settings);
    let broker = setup.start().await;
    let service = broker.service_token();
    let token = broker.token("alice", &[]);
    let mut clients = SocketIo::each(&broker.url(""), &token).await;
    let topics = json!({"topics": ["channel:update"]});
    for client in &mut clients {
        client.connects().await;
        let answer = client.asks("listen", json!([topics])).await;
        assert_eq!(answer, json!([{"ok": true}]));
    }
    let batch: Vec<Value> = (0..BATCH)
        .map(|n| json!({"topic": "channel:update", "message": n}))
        .collect();
    let answer = broker
        .post_publish(&service, &Value::from(batch).to_string())
        .await;
    assert_eq!(answer.status, 200);
    broker
        .publish(&service, "channel:update", json!("last"))
        .await;
    let missed = json!({"topics": ["channel:update"], "reason": "the node was overloaded"});
    for client in &mut clients {
        let (mut told, mut heard) = (Vec::new(), Vec::new());
        while heard.last() != Some(&json!("last")) {
            let mut event = client.hears_of("event").await;
            match event["event"].as_str() {
                Some("missed") => told.push(event["args"][0].take()),
                _ => heard.push(event["args"][0]["payload"].take()),
            }
        }
        assert_eq!(told, std::slice::from_ref(&missed));
        let sent: Vec<Value> = (0..INBOX).map(Value::from).collect();
        assert_eq!(heard[..INBOX], sent, "what there was room for, in order");
        assert_eq!(heard[INBOX..], [json!("last")]);
    }
}
