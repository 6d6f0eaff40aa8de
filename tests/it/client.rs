//! `@tidegate/client`, by its own tests and with the broker.

use tidegate_tests::cookies::{cookie, document, store};
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::{http, node, ports, tokens};

const SECRET: &str = "keyboard cat";

#[tokio::test]
async fn the_clients_own_tests_pass() {
    node::run_in("sdk/client", &["--test"]).await;
}

#[tokio::test]
async fn it_stays_connected_through_renewals_and_a_restart_until_the_logout() {
    let redis = Redis::start().await;
    let (port, keys) = (ports::free(), tokens::keys("EdDSA"));
    let start = async || {
        Setup::new()
            .env("PORT", &port.to_string())
            .env("TIDEGATE_KEYS", &keys)
            .env("REDIS_URL", &redis.url())
            .env("SESSION_SECRET", SECRET)
            .env("TIDEGATE_AUTH_TOKEN_TTL", "2s")
            .env("TIDEGATE_AUTH_LEEWAY", "0s")
            .env("TIDEGATE_SERVER_DRAIN_SPREAD", "500ms")
            .start()
            .await
    };
    let mut broker = start().await;
    store(&redis, "abc", &document("alice", &["user:read:chat"])).await;
    let token = broker.token("publisher", &["channel:write"]);
    let arguments = [broker.url(""), cookie("abc", SECRET), token];
    let arguments = arguments.each_ref().map(String::as_str);
    let mut test = node::start("tests/node", "client.mjs", &arguments).await;
    node::says(&mut test, "waiting for the server to go").await;
    broker.terminate();
    node::says(&mut test, "waiting for the server to come back").await;
    broker.process.exit().await;
    let broker = start().await;
    node::says(&mut test, "waiting for the logout").await;
    let url = format!("http://{}/sessions/abc/revoke", broker.admin);
    let revoked = http::post(&url, &[], "").await;
    assert_eq!(revoked.status, 200, "{}", revoked.body);
    node::says(&mut test, "ok").await;
    assert!(test.exit().await.success());
}
