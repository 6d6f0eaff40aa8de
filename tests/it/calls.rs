//! Methods of a plugin over `/ws` and Socket.IO; `tests/guests/calls` does what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tidegate_tests::slow::Slow;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::{artifacts, http, wait};

/// The guest as the one plugin with methods, beside the shipped ones.
pub fn settings(more: &str) -> String {
    format!(
        "[plugins]\nhandlers = [\"guest\"]\n{more}\n[plugin.guest]\npublisher = [\"chat:**\"]\n\
         http = []\nstore = true\nsessions = true\n"
    )
}

/// The same, for a guest that may ask this server.
pub fn settings_asking(slow: &Slow) -> String {
    let hosts = format!("http = [\"{}\"]", slow.address);
    settings("").replace("http = []", &hosts)
}

/// The shipped plugins and the guest.
pub fn plugins() -> Plugins {
    let plugins = Plugins::new();
    plugins.write("guest.toml", "version = \"1\"\n");
    plugins.replace_by("guest.wasm", &artifacts::guest("calls"));
    plugins
}

pub fn setup(plugins: &Plugins) -> Setup {
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    setup.settings(&settings(""))
}

async fn serving() -> (Plugins, Broker) {
    let plugins = plugins();
    let broker = setup(&plugins).start().await;
    (plugins, broker)
}

async fn call(client: &mut Client, method: &str, params: Value) -> Value {
    let data = json!({"method": method, "params": params});
    client.ask("CALL", data).await
}

#[tokio::test]
async fn a_call_is_answered_with_what_the_plugin_says() {
    let (_plugins, broker) = serving().await;
    let mut client = Client::connect(&broker).await;
    let params = json!({"text": "é \"quoted\" 😀", "list": [1, 2.5, null]});
    let response = call(&mut client, "guest.echo", params.clone()).await;
    assert_eq!(
        (&response["error"], &response["data"]),
        (&json!(""), &params)
    );
    let without = client.ask("CALL", json!({"method": "guest.echo"})).await;
    assert_eq!(without["data"], json!(null));

    let anonymous = call(&mut client, "guest.who", json!(null)).await;
    let nobody = json!({"subject": null, "scopes": "", "transport": "websocket", "session": null});
    assert_eq!(anonymous["data"], nobody);
    let token = broker.token("ann", &["a", "b"]);
    client.ask("AUTH", json!({"auth_token": token})).await;
    let ann = call(&mut client, "guest.who", json!(null)).await;
    let known =
        json!({"subject": "ann", "scopes": "a b", "transport": "websocket", "session": null});
    assert_eq!(ann["data"], known);
    assert_eq!(
        broker.metric("tidegate_plugin_handler_calls_total").await,
        Some(4.0)
    );
}

#[tokio::test]
async fn a_call_that_fails_says_why() {
    let (_plugins, broker) = serving().await;
    let mut client = Client::connect(&broker).await;
    let taken = json!([{"fail": {"code": "name-taken", "message": "ann is taken"}}]);
    let later = json!([{"fail": {"code": "busy", "message": "later", "retryable": true}}]);
    for (method, params, data) in [
        (
            "guest.do",
            taken,
            json!({"code": "name-taken", "message": "ann is taken", "retryable": false}),
        ),
        (
            "guest.do",
            later,
            json!({"code": "busy", "message": "later", "retryable": true}),
        ),
        (
            "nobody.does",
            json!(1),
            json!({
                "code": "unknown-method", "retryable": false,
                "message": "no plugin has the method \"nobody.does\"",
            }),
        ),
        (
            "guest.enter",
            json!([]),
            json!({
                "code": "needs-http", "retryable": false,
                "message": "guest.enter can be called over POST /call/guest.enter only",
            }),
        ),
        (
            "guest.do",
            json!(["trap"]),
            json!({
                "code": "unavailable", "retryable": true,
                "message": "the plugin did not answer",
            }),
        ),
    ] {
        let response = call(&mut client, method, params).await;
        assert_eq!(response["error"], "ERR_CALL", "{method}");
        assert_eq!(response["data"], data);
    }
    broker
        .logged("why", |line| line.contains("this guest panics in a call"))
        .await;
    let response = call(&mut client, "guest.do", json!(["count"])).await;
    assert_eq!(response["error"], "", "{response}");
}

#[tokio::test]
async fn a_token_that_was_revoked_calls_nothing() {
    let (_plugins, broker) = serving().await;
    let mut client = Client::connect(&broker).await;
    let token = broker.token("ann", &[]);
    client.ask("AUTH", json!({"auth_token": token})).await;
    let url = format!("http://{}/subjects/ann/revoke", broker.admin);
    assert_eq!(http::post(&url, &[], "").await.status, 200);
    let response = call(&mut client, "guest.who", json!(null)).await;
    assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
}

#[tokio::test]
async fn what_a_plugin_publishes_reaches_all_listeners() {
    let (_plugins, broker) = serving().await;
    let reader = broker.token("ann", &["user:read:chat"]);
    let mut listeners = Vec::new();
    for _ in 0..4 {
        let mut listener = Client::connect(&broker).await;
        listener.listen_with(&["chat:general"], &reader).await;
        listeners.push(listener);
    }
    let options = json!({"transports": ["websocket"], "token": reader});
    let mut page = SocketIo::npm(&broker.url(""), &options).await;
    page.connects().await;
    let listen = json!([{"topics": ["chat:general"]}]);
    assert_eq!(page.asks("listen", listen).await, json!([{"ok": true}]));

    let mut client = Client::connect(&broker).await;
    let publish = |n: u32| json!({"publish": {"topic": "chat:general", "event": "said", "payload": {"n": n}}});
    let elsewhere = json!({"publish": {"topic": "channel:update", "payload": 1}});
    let told = json!([publish(1), elsewhere, publish(2)]);
    let response = call(&mut client, "guest.do", told).await;
    let refused = json!({"error": "not-granted", "retryable": false});
    assert_eq!(response["data"], json!([null, refused, null]));
    for listener in &mut listeners {
        listener.expect_message("chat:general", r#"{"n":1}"#).await;
        listener.expect_message("chat:general", r#"{"n":2}"#).await;
    }
    assert_eq!(page.hears_event("said").await, json!([{"n": 1}]));
    assert_eq!(page.hears_event("said").await, json!([{"n": 2}]));
}

#[tokio::test]
async fn what_a_plugin_stores_is_there_for_the_next_call() {
    let (_plugins, broker) = serving().await;
    let mut client = Client::connect(&broker).await;
    let put = json!([{"put": {"table": "Things", "item": {"id": "a"}, "if_absent": true}}]);
    let first = call(&mut client, "guest.do", put.clone()).await;
    assert_eq!(first["data"], json!([null]), "{first}");
    let mut other = Client::connect(&broker).await;
    let again = call(&mut other, "guest.do", put).await;
    assert_eq!(again["data"][0]["error"], "conflict", "{again}");
}

#[tokio::test]
async fn methods_are_events_with_acknowledgements() {
    let (_plugins, broker) = serving().await;
    let token = broker.token("ann", &["a"]);
    for transport in ["websocket", "polling"] {
        let options = json!({"transports": [transport], "token": token});
        let mut client = SocketIo::npm(&broker.url(""), &options).await;
        client.connects().await;
        let params = json!({"text": "é"});
        let echo = client.asks("guest.echo", json!([params])).await;
        assert_eq!(echo, json!([{"ok": true, "data": params}]));
        let who = client.asks("guest.who", json!([])).await;
        let ann =
            json!({"subject": "ann", "scopes": "a", "transport": "socket.io", "session": null});
        assert_eq!(who, json!([{"ok": true, "data": ann}]));
        let fail = json!([[{"fail": {"code": "busy", "message": "later", "retryable": true}}]]);
        let busy = client.asks("guest.do", fail).await;
        let error = json!({"code": "busy", "message": "later", "retryable": true});
        assert_eq!(busy, json!([{"ok": false, "error": error}]));
        for (method, code) in [("guest.enter", "needs-http"), ("no.such", "unknown-method")] {
            let answer = client.asks(method, json!([])).await;
            assert_eq!(answer[0]["ok"], false, "{answer}");
            assert_eq!(answer[0]["error"]["code"], code, "{answer}");
            assert_eq!(answer[0]["error"]["retryable"], false, "{answer}");
        }
        client.end().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_calls() {
    let plugins = plugins();
    let more = "handler_instances = 1\nhandler_deadline = \"60s\"\nhandler_cpu = \"10s\"\n";
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.settings(&settings(more)).start().await;
    let mut client = Client::connect(&broker).await;
    let spin = json!({"method": "guest.do", "params": ["spin"]});
    client
        .send(json!({"type": "CALL", "nonce": "n", "data": spin}))
        .await;
    let waiting = "tidegate_plugin_handler_calls_waiting";
    wait::until("it is called", async || {
        (broker.metric(waiting).await == Some(1.0)).then_some(())
    })
    .await;
    drop(client);
    let mut other = Client::connect(&broker).await;
    let response = call(&mut other, "guest.do", json!(["count"])).await;
    assert_eq!(response["data"], json!([1]), "{response}");
    assert_eq!(broker.metric(waiting).await, Some(0.0));
}

#[tokio::test]
async fn what_is_saved_is_announced_though_its_client_has_left() {
    let (plugins, slow) = (plugins(), Slow::start().await);
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.settings(&settings_asking(&slow)).start().await;
    let mut listener = Client::connect(&broker).await;
    let reader = broker.token("ann", &["user:read:chat"]);
    listener.listen_with(&["chat:general"], &reader).await;
    let mut client = Client::connect(&broker).await;
    let put = json!({"put": {"table": "Things", "item": {"id": "a"}}});
    let publish = json!({"publish": {"topic": "chat:general", "payload": "a"}});
    let told = json!([put, {"fetch": slow.url()}, publish]);
    let data = json!({"method": "guest.do", "params": told});
    client
        .send(json!({"type": "CALL", "nonce": "n", "data": data}))
        .await;
    slow.asked(1).await;
    drop(client);
    wait::until("the client has left", async || {
        let connections = broker.metric("tidegate_connections").await;
        (connections == Some(1.0)).then_some(())
    })
    .await;
    slow.open();
    listener.expect_message("chat:general", "a").await;
}

#[tokio::test]
async fn a_reload_fails_no_call() {
    let (plugins, broker) = serving().await;
    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let mut load = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(&broker).await;
        let (stop, calls) = (stop.clone(), calls.clone());
        load.push(tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let response = call(&mut client, "guest.do", json!(["version"])).await;
                assert_eq!(response["error"], "", "{response}");
                calls.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    for version in ["2", "3", "4"] {
        plugins.write("guest.toml", &format!("version = \"{version}\"\n"));
        let mut client = Client::connect(&broker).await;
        let what = format!("version {version} answers");
        wait::until(&what, async || {
            let data = json!({"method": "guest.do", "params": ["version"]});
            let response = client.ask("CALL", data).await;
            (response["data"] == json!([version])).then_some(())
        })
        .await;
    }
    stop.store(true, Ordering::SeqCst);
    for client in load {
        client.await.expect("no call failed");
    }
    assert!(calls.load(Ordering::SeqCst) > 0);
    no_call_failed(&broker).await;
}

/// For none did a plugin fail to answer.
pub async fn no_call_failed(broker: &Broker) {
    let failed = broker.admin_get("/metrics").await.body;
    assert!(
        !failed
            .lines()
            .any(|line| line.contains("outcome=\"failed\"")
                && line.starts_with("tidegate_plugin_handler_calls_total")
                && !line.ends_with(" 0")),
        "{failed}"
    );
}
