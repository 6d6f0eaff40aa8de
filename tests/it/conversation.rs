//! What a client written for Twitch PubSub says and hears.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;

#[tokio::test]
async fn ping_is_answered_before_anything_else() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    client.send_text(r#"{"type":"PING"}"#).await;
    assert_eq!(client.text().await, r#"{"type":"PONG"}"#);
}

#[tokio::test]
async fn response_has_the_fields_of_twitch_in_their_order() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    let listen = r#"{"type":"LISTEN","nonce":"44h1k13746815ab1r2","data":{"topics":["channel:update"]}}"#;
    client.send_text(listen).await;
    let response = r#"{"type":"RESPONSE","error":"","nonce":"44h1k13746815ab1r2"}"#;
    assert_eq!(client.text().await, response);
    client.send(json!({"type": "UNLISTEN", "nonce": "2", "data": {"topics": ["channel:update"]}})).await;
    assert_eq!(client.text().await, r#"{"type":"RESPONSE","error":"","nonce":"2"}"#);
}
