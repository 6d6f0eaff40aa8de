//! The client programs against npm's `socket.io`: what they say about the broker is worth what
//! they say here.

use serde_json::{Value, json};
use tidegate_tests::services::{AuthService, Reference};
use tidegate_tests::socketio::SocketIo;

#[tokio::test]
async fn npm_client_over_websocket() {
    converse(Kind::Npm, &["websocket"]).await;
}

#[tokio::test]
async fn npm_client_over_polling() {
    converse(Kind::Npm, &["polling"]).await;
}

#[tokio::test]
async fn npm_client_that_upgrades() {
    converse(Kind::Npm, &["polling", "websocket"]).await;
}

#[tokio::test]
async fn python_client_over_websocket() {
    converse(Kind::Python, &["websocket"]).await;
}

#[tokio::test]
async fn python_client_over_polling() {
    converse(Kind::Python, &["polling"]).await;
}

#[tokio::test]
async fn python_client_that_upgrades() {
    converse(Kind::Python, &["polling", "websocket"]).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Npm,
    Python,
}

impl Kind {
    async fn client(self, url: &str, options: &Value) -> SocketIo {
        match self {
            Self::Npm => SocketIo::npm(url, options).await,
            Self::Python => SocketIo::python(url, options).await,
        }
    }
}

async fn converse(kind: Kind, transports: &[&str]) {
    let auth = AuthService::start().await;
    let server = Reference::start(&auth).await;
    let token = auth.token("ann").await;
    let options = json!({"transports": transports, "token": token});
    let mut client = kind.client(&server.0.url(""), &options).await;
    let transport = client.connects().await;
    // The upgrade may be over before the connection is.
    if transport != transports[transports.len() - 1] {
        assert_eq!(transport, transports[0]);
        assert_eq!(client.hears_of("upgrade").await["transport"], "websocket");
    }

    server.notify("bob", &json!("not for ann")).await;
    let payload = json!({"title": "é \"quoted\" 😀", "list": [1, 2.5, null]});
    server.notify("ann", &payload).await;
    assert_eq!(client.hears_event("notification").await, json!([payload]));

    let bytes = json!({"bytes": "AAH/"});
    client.emits("message", json!([1, "two", {"three": bytes}]));
    let back = json!([1, "two", {"three": bytes}]);
    assert_eq!(client.hears_event("message-back").await, back);
    assert_eq!(
        client.asks("message-with-ack", json!([bytes, 5])).await,
        json!([bytes, 5])
    );
    // The client answers what it is asked with the question.
    assert_eq!(
        client.asks("ask-me", json!(["really?"])).await,
        json!(["really?"])
    );

    client.emits("kick", json!([]));
    let gone = client.hears_of("disconnect").await;
    if kind == Kind::Npm {
        assert_eq!(gone["reason"], "io server disconnect");
        assert_eq!(gone["active"], false);
        client.does(&json!({"do": "connect"}));
        client.connects().await;
        client.emits("drop", json!([]));
        let gone = client.hears_of("disconnect").await;
        assert_eq!(
            (&gone["reason"], &gone["active"]),
            (&json!("transport close"), &json!(true))
        );
        client.hears_of("connect").await;
    }
    client.end().await;
}

#[tokio::test]
async fn a_refusal_is_heard_with_its_data() {
    let auth = AuthService::start().await;
    let server = Reference::start(&auth).await;
    for kind in [Kind::Npm, Kind::Python] {
        let options = json!({"transports": ["websocket"], "reconnection": false});
        let mut client = kind.client(&server.0.url(""), &options).await;
        let refused = client.hears_of("connect_error").await;
        assert_eq!(refused["message"], "no token", "{refused}");
        assert_eq!(
            refused["data"],
            json!({"code": "no-token", "retryable": false})
        );
        client.does(&json!({"do": "token", "token": auth.token("ann").await}));
        client.does(&json!({"do": "connect"}));
        client.hears_of("connect").await;
        client.end().await;
    }
}
