//! Socket.IO: the protocol's cases, the npm client, other workers and nodes, ends and crowds.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::process::Process;
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;
use tidegate_tests::{artifacts, http, node, ports, wait};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// An example that echoes; its process and its origin.
async fn echo(name: &str, flags: &[&str]) -> (Process, String) {
    let port = ports::free();
    let mut command = Command::new(artifacts::example(name));
    let mut process = Process::spawn(name, command.arg(port.to_string()).args(flags));
    wait::until("the echo listens", async || {
        process.assert_running();
        let connecting = tokio::net::TcpStream::connect(("127.0.0.1", port));
        connecting.await.ok()
    })
    .await;
    (process, format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn every_case_of_engine_io_passes() {
    let flags = ["--upgrade-timeout", "600"];
    let (_process, origin) = echo("engineio_echo", &flags).await;
    node::run("engineio_cases.mjs", &[&origin, "/engine.io/", "echo"]).await;
}

#[tokio::test]
async fn every_case_of_engine_io_passes_under_socket_io() {
    let flags = ["--upgrade-timeout", "600", "--connect-timeout", "10000"];
    let (_process, origin) = echo("socketio_echo", &flags).await;
    node::run("engineio_cases.mjs", &[&origin, "/socket.io/"]).await;
}

#[tokio::test]
async fn every_case_of_socket_io_passes() {
    let (_process, origin) = echo("socketio_echo", &[]).await;
    node::run("socketio_cases.mjs", &[&origin]).await;
}

async fn npm_client(transports: &str) {
    // A client that exits at once may not have said that it closes.
    let settings = "[socketio]\nnamespaces = [\"/\", \"/chat\"]\nping_interval = \"3s\"\n\
        ping_timeout = \"2s\"\n[auth]\nleeway = \"0s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let stranger = Broker::start().await;
    let expired = broker.token_for("alice", &[], "1s");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let tokens = json!({
        "alice": broker.token("alice", &["user:read:chat", "channel:write"]),
        "bob": broker.token("bob", &[]),
        "expired": expired,
        "foreign": stranger.token("alice", &[]),
    });
    let service = broker.service_token();
    let arguments = [&broker.url(""), &service, transports, &tokens.to_string()];
    node::run("socketio_client.mjs", &arguments).await;
    wait::until("nothing of the clients is left", async || {
        (broker.metric("tidegate_connections").await? == 0.0).then_some(())
    })
    .await;
    assert_eq!(broker.metric("tidegate_listening_topics").await, Some(0.0));
}

#[tokio::test]
async fn the_npm_client_by_websocket() {
    npm_client("websocket").await;
}

#[tokio::test]
async fn the_npm_client_by_polling() {
    npm_client("polling").await;
}

#[tokio::test]
async fn the_npm_client_by_polling_that_upgrades() {
    npm_client("polling,websocket").await;
}

async fn handshake(broker: &Broker) -> String {
    let answer = broker.get(POLLING).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let open: Value = serde_json::from_str(&answer.body[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

/// The kernel spreads the connections over both workers; each request is a new one.
#[tokio::test]
async fn a_session_is_found_whichever_worker_a_request_reaches() {
    let broker = Broker::start().await;
    let token = broker.token("alice", &[]);
    let mut workers = Vec::new();
    for _ in 0..12 {
        let sid = handshake(&broker).await;
        workers.push(sid.split('.').nth(1).unwrap().to_owned());
        let url = broker.url(&format!("{POLLING}&sid={sid}"));
        let connect = format!("40{}", json!({"token": token}));
        let posted = http::post(&url, &[], connect).await;
        assert_eq!((posted.status, posted.body.as_str()), (200, "ok"));
        let polled = http::get(&url, &[]).await;
        assert_eq!(polled.status, 200);
        assert!(polled.body.starts_with("40{\"sid\":"), "{}", polled.body);
    }
    workers.sort();
    workers.dedup();
    assert_eq!(workers.len(), 2, "both workers have sessions");
}

#[tokio::test]
async fn another_nodes_session_is_asked_for_by_fly_replay() {
    let sid = "e784e94b465618.0.AAAAAAAAAAAAAAAAAAAA";
    let path = format!("{POLLING}&sid={sid}");
    let plain = Broker::start().await;
    let unknown = json!({"code": 1, "message": "Session ID unknown"});
    let refused = plain.get(&path).await;
    assert_eq!((refused.status, refused.json()), (400, unknown.clone()));
    let settings = "[socketio]\nforeign_node = \"fly-replay\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let replayed = broker.get(&path).await;
    assert_eq!(replayed.status, 307);
    let to = "instance=e784e94b465618;timeout=2s;fallback=force_self";
    assert_eq!(replayed.header("fly-replay"), to);
    for tried in ["fly-replay-src", "fly-replay-failed"] {
        let again = http::get(&broker.url(&path), &[(tried, "instance=a")]).await;
        assert_eq!(
            (again.status, again.json()),
            (400, unknown.clone()),
            "{tried}"
        );
    }
    let mut upgrade = Raw::dial(broker.address).await;
    let head = format!(
        "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nHost: x\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    upgrade.send(head.as_bytes()).await;
    let head = upgrade.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 307 "), "{head}");
    assert!(head.contains(&format!("fly-replay: {to}")), "{head}");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let settings = "[session]\nallowed_origins = [\"https://app.example.com\"]\n";
    let broker = Setup::new().settings(settings).start().await;
    let url = broker.url(POLLING);
    let good = http::get(&url, &[("origin", "https://app.example.com")]).await;
    assert_eq!(good.status, 200);
    let allowed = |answer: &http::Answer| answer.header("access-control-allow-origin").to_owned();
    assert_eq!(allowed(&good), "https://app.example.com");
    assert_eq!(good.header("access-control-allow-credentials"), "true");
    assert_eq!(good.header("vary"), "Origin");
    let wrong = broker.url("/socket.io/?EIO=3&transport=polling");
    let wrong = http::get(&wrong, &[("origin", "https://app.example.com")]).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(allowed(&wrong), "https://app.example.com", "errors too");
    let bad = http::get(&url, &[("origin", "https://evil.example.com")]).await;
    let forbidden = json!({"code": 4, "message": "Forbidden"});
    assert_eq!((bad.status, bad.json()), (403, forbidden));
    assert_eq!(allowed(&bad), "");
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-a, x-b"),
    ];
    let preflight = http::try_request(reqwest::Method::OPTIONS, &url, &headers, "").await;
    let preflight = preflight.expect("an answer");
    assert_eq!((preflight.status, preflight.body.as_str()), (204, ""));
    assert_eq!(allowed(&preflight), "https://app.example.com");
    assert_eq!(preflight.header("access-control-allow-headers"), "x-a, x-b");
    assert!(
        preflight
            .header("access-control-allow-methods")
            .contains("POST")
    );
}

/// The lines that a client prints until it is disconnected.
async fn ends(broker: &Broker, token: &str, transport: &str, then: impl Fn(&Broker)) -> Vec<Value> {
    let mut command = Command::new("node");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/node");
    node::run("--version", &[]).await;
    let client = command
        .args(["socketio_end.mjs", &broker.url(""), token, transport])
        .current_dir(folder);
    let mut client = Process::spawn("socketio_end.mjs", client);
    wait::until("the client is connected", async || {
        client.assert_running();
        client.logs.find(|line| line == "connected")
    })
    .await;
    then(broker);
    client.exit().await;
    let text = client.logs.text();
    let lines = text.lines().filter(|line| line.starts_with('['));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_token_that_expires_ends_the_namespace() {
    let settings = "[auth]\nleeway = \"0s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    for transport in ["websocket", "polling"] {
        let token = broker.token_for("alice", &[], "3s");
        let lines = ends(&broker, &token, transport, |_| {}).await;
        let wanted = [
            json!(["revoked", {"topics": ["user:alice:notification"]}]),
            json!(["disconnect", "io server disconnect", false]),
        ];
        assert_eq!(lines, wanted, "{transport}");
    }
}

/// No message says so in Socket.IO: a client comes back by itself when its transport closes.
#[tokio::test]
async fn a_draining_node_closes_transports() {
    for transport in ["websocket", "polling"] {
        let settings = "[server]\ndrain_spread = \"300ms\"\ndrain_timeout = \"10s\"\n";
        let mut broker = Setup::new().settings(settings).start().await;
        let token = broker.token("alice", &[]);
        let lines = ends(&broker, &token, transport, Broker::terminate).await;
        let wanted = [json!(["disconnect", "transport close", true])];
        assert_eq!(lines, wanted, "{transport}");
        assert_eq!(broker.process.exit().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_connection_in_no_namespace_is_closed() {
    let settings = "[socketio]\nconnect_timeout = \"400ms\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let sid = handshake(&broker).await;
    let url = broker.url(&format!("{POLLING}&sid={sid}"));
    let polled = http::get(&url, &[]).await;
    assert_eq!((polled.status, polled.body.as_str()), (200, "1"));
    assert_eq!(http::get(&url, &[]).await.status, 400);
}

/// A client that reads nothing is closed like one of `/ws`, whether it polls or not.
#[tokio::test]
async fn a_client_that_does_not_poll_is_a_slow_consumer() {
    let settings = "[limits]\noutbox_bytes = \"16KiB\"\npublication_bytes = \"8KiB\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let (token, service) = (broker.token("alice", &[]), broker.service_token());
    let sid = handshake(&broker).await;
    let url = broker.url(&format!("{POLLING}&sid={sid}"));
    http::post(&url, &[], format!("40{}", json!({"token": token}))).await;
    let polled = http::get(&url, &[]).await;
    assert!(polled.body.starts_with("40{"), "{}", polled.body);
    for _ in 0..8 {
        let message = json!("x".repeat(4_000));
        broker
            .publish(&service, "user:alice:notification", message)
            .await;
    }
    let polled = http::get(&url, &[]).await;
    assert_eq!((polled.status, polled.body.as_str()), (200, "1"));
    assert_eq!(
        broker.metric("tidegate_slow_consumers_total").await,
        Some(1.0)
    );
}
