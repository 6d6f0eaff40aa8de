//! `POST /ingest/{topic}` and `tidegate notify`: a record through the mapper, without Kafka.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::http::{self, Answer};
use tidegate_tests::setup::Setup;
use tidegate_tests::tokens;

use crate::kafka::{listener, messages, relaying};

const TOPIC: &str = "user-notifications";

async fn start() -> Broker {
    Setup::new().settings(&relaying(TOPIC, "")).start().await
}

async fn post(broker: &Broker, path: &str, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("tidegate-key", "alice"),
    ];
    http::post(&broker.url(path), &headers, body.to_owned()).await
}

#[tokio::test]
async fn each_outcome_has_its_answer() {
    let broker = start().await;
    let token = broker.service_token();
    let mut alice = listener(&broker, "alice").await;
    for (value, status, answer) in [
        (r#"{"n":1}"#, 200, json!({"published": 1})),
        ("twice", 200, json!({"published": 2})),
        ("", 200, json!({"published": 0, "skipped": "tombstone"})),
    ] {
        let got = post(&broker, "/ingest/user-notifications", &token, value).await;
        assert_eq!((got.status, got.json()), (status, answer), "{value}");
    }
    assert_eq!(messages(&mut alice, 3).await, [r#"{"n":1}"#, "1", "2"]);
    for (value, status, error) in [
        ("refuse", 422, "refused"),
        ("fail", 503, "failing"),
        ("nonsense", 422, "bad-payload"),
        ("elsewhere", 422, "not-granted"),
        ("nowhere", 422, "bad-topic"),
        ("trap", 503, "mapper-trapped"),
    ] {
        let got = post(&broker, "/ingest/user-notifications", &token, value).await;
        let found = got.json();
        assert_eq!((got.status, &found["error"]), (status, &json!(error)));
        assert!(found["message"].is_string(), "{found}");
    }
    let unknown = post(&broker, "/ingest/orders", &token, "1").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("orders"), "{}", unknown.body);
}

#[tokio::test]
async fn only_services_may_and_bodies_are_bounded() {
    let broker = start().await;
    let path = "/ingest/user-notifications";
    let stranger = broker.token("alice", &["channel:write"]);
    assert_eq!(post(&broker, path, "nonsense", "1").await.status, 401);
    assert_eq!(post(&broker, path, &stranger, "1").await.status, 403);
    assert_eq!(broker.get(path).await.status, 405);
    let token = broker.service_token();
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(post(&broker, path, &token, &large).await.status, 413);
}

#[tokio::test]
async fn notify_sends_what_a_producer_would() {
    let broker = start().await;
    let mut alice = listener(&broker, "alice").await;
    let url = broker.url("");
    let message = r#"{"title":"hi"}"#;
    let notify = |user: &str, message: &str| {
        let arguments = ["notify", user, message, "--url", &url];
        tokens::tidegate(broker.folder(), broker.env(), &arguments)
    };
    let output = notify("alice", message);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\"published\":1}\n"
    );
    assert_eq!(messages(&mut alice, 1).await, [message]);
    let refused = notify("alice", "refuse");
    assert_eq!(refused.status.code(), Some(1));
    let words = String::from_utf8_lossy(&refused.stderr);
    assert!(
        words.contains("422") && words.contains("asked to"),
        "{words}"
    );
}
