//! What a client written for Twitch PubSub says and hears, byte for byte.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;

const LISTEN: &str =
    r#"{"type":"LISTEN","nonce":"44h1k13746815ab1r2","data":{"topics":["channel:update"]}}"#;

#[tokio::test]
async fn ping_is_answered() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    client.send_text(r#"{"type":"PING"}"#).await;
    assert_eq!(client.text().await, r#"{"type":"PONG"}"#);
}

#[tokio::test]
async fn responses_have_twitchs_fields_in_twitchs_order() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    client.send_text(LISTEN).await;
    assert_eq!(
        client.text().await,
        r#"{"type":"RESPONSE","error":"","nonce":"44h1k13746815ab1r2"}"#
    );
    client
        .send_text(r#"{"type":"UNLISTEN","data":{"topics":["channel:update"]},"nonce":"u"}"#)
        .await;
    assert_eq!(
        client.text().await,
        r#"{"type":"RESPONSE","error":"","nonce":"u"}"#
    );
}

#[tokio::test]
async fn an_absent_nonce_is_answered_by_an_empty_one() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    client
        .send_text(r#"{"type":"LISTEN","data":{"topics":["channel:update"]}}"#)
        .await;
    assert_eq!(
        client.text().await,
        r#"{"type":"RESPONSE","error":"","nonce":""}"#
    );
}

#[tokio::test]
async fn a_nonce_comes_back_as_it_was() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    let nonce = "quote \" backslash \\ line \n tab \t é 😀 \u{1}";
    client
        .send(json!({"type": "LISTEN", "nonce": nonce, "data": {"topics": ["channel:update"]}}))
        .await;
    client
        .expect(json!({"type": "RESPONSE", "error": "", "nonce": nonce}))
        .await;
}

#[tokio::test]
async fn messages_carry_json_as_a_string() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    let body = r#"{"topic":"channel:update","message":{"title": "hi \"you\"",  "n":1.50}}"#;
    assert_eq!(broker.post_publish(&service, body).await.status, 200);
    let text = client.text().await;
    let start = concat!(
        r#"{"type":"MESSAGE","data":{"topic":"channel:update","message":"#,
        r#""{\"title\": \"hi \\\"you\\\"\",  \"n\":1.50}""#
    );
    assert!(
        text.starts_with(start),
        "kept byte for byte, in a string: {text}"
    );
}

#[tokio::test]
async fn a_message_that_is_a_string_stays_that_string() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    broker
        .publish(&service, "channel:update", json!("plain \u{2028} é \"x\""))
        .await;
    client
        .expect_message("channel:update", "plain \u{2028} é \"x\"")
        .await;
    broker
        .publish(&service, "channel:update", json!("{\"a\":1}"))
        .await;
    client.expect_message("channel:update", "{\"a\":1}").await;
    for (message, wanted) in [(json!(null), "null"), (json!([1]), "[1]"), (json!(0), "0")] {
        broker.publish(&service, "channel:update", message).await;
        client.expect_message("channel:update", wanted).await;
    }
}

#[tokio::test]
async fn only_listeners_hear_and_only_until_they_unlisten() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut both = Client::connect(&broker).await;
    let mut one = Client::connect(&broker).await;
    both.listen(&["channel:update", "channel:fence"]).await;
    one.listen(&["channel:fence"]).await;
    broker.publish(&service, "channel:update", json!(1)).await;
    broker.publish(&service, "channel:fence", json!(2)).await;
    both.expect_message("channel:update", "1").await;
    both.expect_message("channel:fence", "2").await;
    one.expect_message("channel:fence", "2").await;
    let response = both
        .ask("UNLISTEN", json!({"topics": ["channel:update"]}))
        .await;
    assert_eq!(response["error"], "");
    broker.publish(&service, "channel:update", json!(3)).await;
    broker.publish(&service, "channel:fence", json!(4)).await;
    both.expect_message("channel:fence", "4").await;
}

#[tokio::test]
async fn listening_twice_is_hearing_once() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update", "channel:update"]).await;
    client.listen(&["channel:update"]).await;
    broker.publish(&service, "channel:update", json!(1)).await;
    broker.publish(&service, "channel:update", json!(2)).await;
    client.expect_message("channel:update", "1").await;
    client.expect_message("channel:update", "2").await;
}

#[tokio::test]
async fn requests_are_answered_in_their_order() {
    let broker = Broker::start().await;
    let mut client = Client::connect(&broker).await;
    let topic = |index: usize| format!("channel:{index}");
    for index in 0..40 {
        let data = json!({"topics": [topic(index)]});
        let kind = if index % 2 == 0 { "LISTEN" } else { "UNLISTEN" };
        client
            .send(json!({"type": kind, "nonce": index.to_string(), "data": data}))
            .await;
    }
    for index in 0..40 {
        assert_eq!(client.frame().await["nonce"], index.to_string());
    }
}
