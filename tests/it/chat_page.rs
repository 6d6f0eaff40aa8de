//! The page of `examples/chat-web`, as the broker serves it, in Chromium.

use tidegate_tests::setup::Setup;
use tidegate_tests::{node, ports};

/// Two people, three windows, a restart of the broker in between.
#[tokio::test]
async fn people_chat_through_a_restart_and_an_outage() {
    let data = tempfile::tempdir().unwrap();
    let port = ports::free();
    let start = async || {
        Setup::new()
            .env("PORT", &port.to_string())
            .env("TIDEGATE_DATA", &data.path().display().to_string())
            .env("TIDEGATE_SERVER_DRAIN_SPREAD", "500ms")
            .start()
            .await
    };
    let mut broker = start().await;
    let mut test = node::browse("chat.mjs", &[&broker.url("/")]).await;
    node::says(&mut test, "waiting for the server to go").await;
    broker.terminate();
    broker.process.exit().await;
    node::says(&mut test, "waiting for the server to come back").await;
    let mut broker = start().await;
    // The second time it has no time to say goodbye.
    node::says(&mut test, "waiting for the server to be killed").await;
    broker.process.kill();
    let _broker = start().await;
    node::says(&mut test, "ok").await;
    assert!(test.exit().await.success());
}
