//! Who has a good token and may still not stay: the plugin that admits asks a user service. It
//! stands where the shipped `notifications` plugin stands, with that one's grants.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tidegate_tests::artifacts;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tokio::net::TcpListener;

/// A user service that knows everybody but `/unknown`; returns its URL and its count of requests.
async fn users() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let count = count.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                count.fetch_add(1, Ordering::SeqCst);
                let mut response = Response::new(Empty::<Bytes>::new());
                if request.uri().path() == "/unknown" {
                    *response.status_mut() = hyper::StatusCode::NOT_FOUND;
                }
                async { Ok::<_, Infallible>(response) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    (url, asked)
}

async fn serving(url: &str, settings: &str) -> (Plugins, Broker) {
    let plugins = Plugins::new();
    plugins.replace_by("notifications.wasm", &artifacts::guest("waits"));
    plugins.write("notifications.toml", settings);
    let setup = Setup::new()
        .env("TIDEGATE_PLUGINS", plugins.path())
        .env("USER_SERVICE_URL", url);
    (plugins, setup.start().await)
}

#[tokio::test]
async fn a_good_token_is_not_enough() {
    let (url, asked) = users().await;
    let (_plugins, broker) = serving(&url, "url = \"${USER_SERVICE_URL}\"\n").await;
    let mut client = Client::connect(&broker).await;
    let unknown = broker.token("unknown", &[]);
    let listen = json!({"topics": ["channel:update"], "auth_token": unknown});
    for (command, data) in [("AUTH", json!({"auth_token": unknown})), ("LISTEN", listen)] {
        let response = client.ask(command, data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
        assert_eq!(response["data"], json!({"reason": "404"}));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    // Without a token nobody is asked about, and a known user stays.
    client.listen(&["channel:update"]).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let ann = broker.token("ann", &[]);
    let response = client.ask("AUTH", json!({"auth_token": ann})).await;
    assert_eq!(response["error"], "", "{response}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);

    // A service token publishes as before: it is no visitor.
    let service = broker.service_token();
    broker
        .publish(&service, "channel:update", json!({"n": 1}))
        .await;
    let message = client.frame().await;
    assert_eq!(message["data"]["topic"], "channel:update");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_is_remembered_as_long_as_the_plugin_says() {
    let (url, asked) = users().await;
    let settings = "url = \"${USER_SERVICE_URL}\"\nremember_ms = 60000\n";
    let (_plugins, broker) = serving(&url, settings).await;
    let ann = broker.token("ann", &[]);
    for _ in 0..10 {
        let mut client = Client::connect(&broker).await;
        let response = client.ask("AUTH", json!({"auth_token": ann})).await;
        assert_eq!(response["error"], "", "{response}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "on both workers");
}

#[tokio::test]
async fn no_answer_is_err_server() {
    // Port 1 answers nobody; the grant follows the variable.
    let settings = "url = \"${USER_SERVICE_URL}\"\n";
    let (_plugins, broker) = serving("http://127.0.0.1:1", settings).await;
    let mut client = Client::connect(&broker).await;
    for subject in ["ann", "trap"] {
        let token = broker.token(subject, &[]);
        let response = client.ask("AUTH", json!({"auth_token": token})).await;
        assert_eq!(response["error"], "ERR_SERVER", "{subject}: {response}");
    }
    client.listen(&["channel:update"]).await;
}
