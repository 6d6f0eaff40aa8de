//! `POST /publish`, the API of services.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::http;
use tidegate_tests::setup::Setup;

#[tokio::test]
async fn one_and_many_reach_their_listeners_in_order() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:a", "channel:b"]).await;
    broker.publish(&service, "channel:a", json!(0)).await;
    let many: Vec<Value> = (1..=50)
        .map(|n| json!({"topic": if n % 2 == 0 { "channel:a" } else { "channel:b" }, "message": n}))
        .collect();
    let answer = broker
        .post_publish(&service, &Value::from(many).to_string())
        .await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"published": 50}))
    );
    for n in 0..=50 {
        let topic = if n % 2 == 0 { "channel:a" } else { "channel:b" };
        client.expect_message(topic, &n.to_string()).await;
    }
}

#[tokio::test]
async fn an_id_is_heard_once() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:a"]).await;
    for (id, message) in [("one", 1), ("one", 1), ("two", 2)] {
        let body = json!({"topic": "channel:a", "message": message, "id": id, "event": "e"});
        assert_eq!(
            broker
                .post_publish(&service, &body.to_string())
                .await
                .status,
            200
        );
    }
    for (id, message) in [("one", "1"), ("two", "2")] {
        let data = client.frame().await["data"].take();
        assert_eq!(
            (&data["id"], &data["message"]),
            (&json!(id), &json!(message))
        );
        assert_eq!(data["event"], "e");
    }
}

#[tokio::test]
async fn services_publish_where_no_client_may() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let alice = broker.token("alice", &[]);
    let mut client = Client::connect(&broker).await;
    client
        .listen_with(&["user:alice:notification"], &alice)
        .await;
    broker
        .publish(&service, "user:alice:notification", json!("hello"))
        .await;
    client
        .expect_message("user:alice:notification", "hello")
        .await;
}

#[tokio::test]
async fn it_needs_a_token_with_the_scope() {
    let broker = Broker::start().await;
    let user = broker.token("alice", &["channel:write"]);
    let url = broker.url("/publish");
    let body = r#"{"topic":"channel:a","message":1}"#;
    let bare = http::post(&url, &[], body).await;
    assert_eq!(bare.status, 401);
    assert!(bare.header("www-authenticate").starts_with("Bearer"));
    for credentials in ["Bearer", "Bearer x.y.z", "Basic abc"] {
        let answer = http::post(&url, &[("authorization", credentials)], body).await;
        assert_eq!(answer.status, 401, "{credentials}");
    }
    let answer = broker.post_publish(&user, body).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("tidegate:publish"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_of_it_is_published() {
    let broker = Broker::start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:a"]).await;
    for (body, told) in [
        ("", ""),
        ("nonsense", ""),
        ("1", ""),
        (r#"{"message":1}"#, "topic"),
        (r#"{"topic":"channel:a"}"#, "message"),
        (r#"{"topic":"a b","message":1}"#, "topic"),
        (
            r#"[{"topic":"channel:a","message":1},{"topic":"channel::a","message":2}]"#,
            "topic",
        ),
        (
            r#"[{"topic":"channel:a","message":1},{"topic":"channel:a"}]"#,
            "message",
        ),
    ] {
        let answer = broker.post_publish(&service, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(answer.body.contains(told), "{body}: {}", answer.body);
    }
    let none = broker.post_publish(&service, "[]").await;
    assert_eq!((none.status, none.json()), (200, json!({"published": 0})));
    broker
        .publish(&service, "channel:a", json!("the first"))
        .await;
    client.expect_message("channel:a", "the first").await;
}

#[tokio::test]
async fn too_much_is_413() {
    let limits = "[limits]\nbody_bytes = \"4KiB\"\npublication_bytes = \"1KiB\"\n";
    let broker = Setup::new().settings(limits).start().await;
    let service = broker.service_token();
    let body = |bytes: usize| json!({"topic": "channel:a", "message": "x".repeat(bytes)});
    for (bytes, status) in [(900, 200), (2000, 413), (8000, 413)] {
        let answer = broker
            .post_publish(&service, &body(bytes).to_string())
            .await;
        assert_eq!(answer.status, status, "{bytes}: {}", answer.body);
    }
}

#[tokio::test]
async fn one_that_is_too_big_keeps_all_of_its_request_back() {
    let broker = Setup::new()
        .settings("[limits]\npublication_bytes = \"1KiB\"\n")
        .start()
        .await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:a"]).await;
    let publication = |message: Value| json!({"topic": "channel:a", "message": message});
    let body = json!([
        publication(json!("before")),
        publication(json!(1)),
        publication(json!("x".repeat(2000))),
        publication(json!("after")),
    ]);
    let answer = broker.post_publish(&service, &body.to_string()).await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(
        answer.json(),
        json!({
            "error": "too-large",
            "message": "publication 2: the message is larger than 1024 bytes",
            "published": 0,
        })
    );
    broker.publish(&service, "channel:a", json!("marker")).await;
    client.expect_message("channel:a", "marker").await;
}
