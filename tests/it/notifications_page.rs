//! The page of `examples/notifications` in Chromium.

use tidegate_tests::process::Process;
use tidegate_tests::services::{NotificationsPage, Reference, UserService};
use tidegate_tests::setup::Setup;
use tidegate_tests::{node, ports, tokens};

/// What the page and its test do is first seen to work with npm's `socket.io`. Tokens live so
/// shortly that the connection after the outage needs a new one.
#[tokio::test]
async fn the_page_works_with_the_reference_server() {
    let port = ports::free();
    let page = NotificationsPage::start(port, 4).await;
    let mut server = Reference::start_on(port, &page.auth).await;
    let ingest = server.0.url("/ingest/user-notifications");
    let mut test = browse(&page, &ingest, "").await;
    node::says(&mut test, "waiting for the server to go").await;
    server.0.process.kill();
    node::says(&mut test, "waiting for the server to come back").await;
    let _server = Reference::start_on(port, &page.auth).await;
    node::says(&mut test, "ok").await;
    assert!(test.exit().await.success());
}

/// A record goes in by `POST /ingest`, through the shipped plugin, and shows up on the page.
#[tokio::test]
async fn the_page_shows_what_the_broker_brings() {
    let port = ports::free();
    let page = NotificationsPage::start(port, 4).await;
    let users = UserService::start().await;
    let keys = tokens::keys("EdDSA");
    let start = async || {
        Setup::new()
            .env("PORT", &port.to_string())
            .env("TIDEGATE_KEYS", &keys)
            .env("JWKS_URL", &page.auth.jwks_url())
            .env("USER_SERVICE_URL", &users.origin())
            .env("TIDEGATE_SESSION_ALLOWED_ORIGINS", page.origin())
            .start()
            .await
    };
    let broker = start().await;
    let ingest = broker.url("/ingest/user-notifications");
    let mut test = browse(&page, &ingest, &broker.service_token()).await;
    node::says(&mut test, "waiting for the server to go").await;
    drop(broker);
    node::says(&mut test, "waiting for the server to come back").await;
    let _broker = start().await;
    node::says(&mut test, "ok").await;
    assert!(test.exit().await.success());
}

async fn browse(page: &NotificationsPage, ingest: &str, token: &str) -> Process {
    node::browse("notifications.mjs", &[page.origin(), ingest, token]).await
}
