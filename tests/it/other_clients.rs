//! Independent implementations: npm `ws`, PyPI `websockets`, express-session with connect-redis,
//! and the Autobahn cases.

use std::process::Command;

use serde_json::Value;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::process::Process;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::{artifacts, node, ports, python, tokens, wait};

#[tokio::test]
async fn npm_ws_has_a_conversation() {
    let broker = Broker::start().await;
    let token = broker.token("alice", &["user:read:chat", "channel:write"]);
    let printed = node::run("conversation.mjs", &[&broker.url(""), &token]).await;
    assert_eq!(printed.trim(), "ok");
}

#[tokio::test]
async fn python_websockets_has_a_conversation() {
    let broker = Broker::start().await;
    let token = broker.token("alice", &["user:read:chat", "channel:write"]);
    let printed = python::run("python", &["conversation.py", &broker.url(""), &token]).await;
    assert_eq!(printed.trim(), "ok");
}

#[tokio::test]
async fn sessions_of_express_and_connect_redis_are_understood() {
    let redis = Redis::start().await;
    let secret = "a secret: of, signs";
    let quoted = "[session]\nsecrets = [\"a secret: of, signs\"]\n";
    let setup = Setup::new().env("REDIS_URL", &redis.url()).settings(quoted);
    let broker = setup.start().await;
    let arguments = [redis.url(), broker.url(""), secret.to_owned()];
    let printed = node::run("sessions.mjs", &arguments.each_ref().map(String::as_str)).await;
    let answers: Value = serde_json::from_str(&printed).unwrap();
    for method in ["get", "post"] {
        assert_eq!(answers[method]["status"], 200, "{answers}");
        let body: Value = serde_json::from_str(answers[method]["body"].as_str().unwrap()).unwrap();
        let token = body["token"].as_str().unwrap();
        assert_eq!(tokens::claims(token)["sub"], "alice");
        let mut client = Client::connect(&broker).await;
        client
            .listen_with(&["chat:general", "user:alice:x"], token)
            .await;
    }
    assert_eq!(answers["after"]["status"], 401, "logged out: {answers}");
}

/// Sections 1 to 7 and 10 of the Autobahn test suite, against the broker's own session codec.
#[tokio::test]
async fn autobahn_cases_pass() {
    let port = ports::free();
    let mut echo = Command::new(artifacts::example("ws_echo"));
    let mut echo = Process::spawn("ws_echo", echo.arg(port.to_string()));
    wait::until("ws_echo listens", async || {
        echo.assert_running();
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let reports = folder.path().display().to_string();
    let url = format!("ws://127.0.0.1:{port}/");
    let excluded = ["-x", "9.*", "-x", "12.*", "-x", "13.*"];
    let arguments = [&[url.as_str()], &excluded[..], &["-p", "4", "-o", &reports]].concat();
    python::run("kosoku", &arguments).await;
    let index = std::fs::read_to_string(folder.path().join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let agents: Vec<&Value> = index.as_object().unwrap().values().collect();
    let cases = agents[0].as_object().unwrap();
    assert!(cases.len() > 200, "only {} cases ran", cases.len());
    let good = |verdict: &Value| {
        verdict
            .as_str()
            .is_some_and(|word| ["OK", "NON-STRICT", "INFORMATIONAL"].contains(&word))
    };
    let failed: Vec<_> = cases
        .iter()
        .filter(|(_, case)| !good(&case["behavior"]) || !good(&case["behaviorClose"]))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
