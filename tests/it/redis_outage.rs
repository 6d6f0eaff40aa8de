//! Redis goes and comes back: clients are told, and everything works again by itself.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::wait;

/// Probes fast enough for a test.
const QUICK: &str =
    "[redis]\nprobe_interval = \"200ms\"\nprobe_timeout = \"1s\"\nbackoff_max = \"500ms\"\n";

async fn started(redis: &Redis, more: &str) -> Broker {
    let setup = Setup::new().env("REDIS_URL", &redis.url());
    setup.settings(&format!("{QUICK}{more}")).start().await
}

async fn unready(broker: &Broker) {
    wait::until("the broker is not ready", async || {
        (broker.get("/readyz").await.status == 503).then_some(())
    })
    .await;
}

#[tokio::test]
async fn after_a_kill_clients_are_told_and_hear_again() {
    let mut redis = Redis::start().await;
    let broker = started(&redis, "").await;
    let (mut told, _) = Client::connect_v1(&broker).await;
    let mut old = Client::connect(&broker).await;
    told.listen(&["channel:update"]).await;
    old.listen(&["channel:update"]).await;
    let mut idle = Client::connect_v1(&broker).await.0;
    redis.kill();
    unready(&broker).await;
    assert_eq!(
        broker.get("/healthz").await.status,
        200,
        "it lives, it is just not ready"
    );
    redis.restart().await;
    broker.ready().await;
    let missed = told.frame().await;
    assert_eq!(missed["type"], "MISSED", "{missed}");
    assert!(missed["data"]["reason"].is_string(), "{missed}");
    old.expect(json!({"type": "RECONNECT"})).await;
    redis
        .publish(r#"{"topic":"channel:update","message":"back"}"#)
        .await;
    told.expect_message("channel:update", "back").await;
    old.expect_message("channel:update", "back").await;
    idle.listen(&["channel:follow"]).await;
}

#[tokio::test]
async fn socket_io_clients_are_told_and_hear_again() {
    let mut redis = Redis::start().await;
    let broker = started(&redis, "").await;
    let token = broker.token("alice", &[]);
    let mut clients = SocketIo::each(&broker.url(""), &token).await;
    for client in &mut clients {
        client.connects().await;
    }
    redis.kill();
    unready(&broker).await;
    redis.restart().await;
    broker.ready().await;
    for client in &mut clients {
        let missed = client.hears_event("missed").await;
        assert_eq!(missed.as_array().unwrap().len(), 1, "{missed}");
        assert!(missed[0]["topics"].is_null(), "{missed}");
        assert!(missed[0]["reason"].is_string(), "{missed}");
    }
    redis
        .publish(r#"{"topic":"user:alice:notification","event":"notification","message":"back"}"#)
        .await;
    for client in &mut clients {
        let heard = client.hears_event("notification").await;
        assert_eq!(heard, json!(["back"]));
        client.end().await;
    }
}

#[tokio::test]
async fn publishing_fails_fast_while_redis_is_down() {
    let mut redis = Redis::start().await;
    let broker = started(&redis, "").await;
    let service = broker.service_token();
    let token = broker.token("streamer", &["channel:write"]);
    let mut client = Client::connect(&broker).await;
    client.ask("AUTH", json!({"auth_token": token})).await;
    redis.kill();
    unready(&broker).await;
    let body = r#"{"topic":"channel:update","message":1}"#;
    assert_eq!(broker.post_publish(&service, body).await.status, 503);
    let data = json!({"topic": "channel:update", "message": 1});
    assert_eq!(
        client.ask("PUBLISH", data.clone()).await["error"],
        "ERR_SERVER"
    );
    redis.restart().await;
    broker.ready().await;
    assert_eq!(broker.post_publish(&service, body).await.status, 200);
}

/// Redis that hangs keeps its connections: only the probe can tell.
#[tokio::test]
async fn a_redis_that_hangs_is_noticed() {
    let redis = Redis::start().await;
    let broker = started(&redis, "").await;
    redis.pause();
    unready(&broker).await;
    redis.resume();
    broker.ready().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    redis
        .publish(r#"{"topic":"channel:update","message":"back"}"#)
        .await;
    client.expect_message("channel:update", "back").await;
}

#[tokio::test]
async fn a_broker_may_start_before_redis() {
    let mut redis = Redis::start().await;
    redis.kill();
    let setup = Setup::new().env("REDIS_URL", &redis.url()).settings(QUICK);
    let broker = setup.start_unready().await;
    unready(&broker).await;
    redis.restart().await;
    broker.ready().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    redis
        .publish(r#"{"topic":"channel:update","message":"up"}"#)
        .await;
    client.expect_message("channel:update", "up").await;
}

/// In `per-topic` a LISTEN must not be granted before Redis has taken the subscription.
#[tokio::test]
async fn listens_of_an_outage_are_live_when_they_are_granted() {
    let mut redis = Redis::start().await;
    let broker = started(&redis, "mode = \"per-topic\"\n").await;
    let mut client = Client::connect(&broker).await;
    redis.kill();
    unready(&broker).await;
    let data = json!({"topics": ["channel:update"]});
    client
        .send(json!({"type": "LISTEN", "nonce": "l", "data": data}))
        .await;
    redis.restart().await;
    broker.ready().await;
    let response = loop {
        let frame = client.frame().await;
        if frame["type"] == "RESPONSE" {
            break frame;
        }
    };
    if response["error"] != "" {
        assert_eq!(response["error"], "ERR_SERVER", "{response}");
        client.listen(&["channel:update"]).await;
    }
    let service = broker.service_token();
    broker
        .publish(&service, "channel:update", json!("heard"))
        .await;
    loop {
        let frame = client.frame().await;
        if frame["type"] == "MESSAGE" {
            assert_eq!(frame["data"]["message"], "heard");
            break;
        }
        assert_eq!(frame["type"], "RECONNECT", "{frame}");
    }
}

#[tokio::test]
async fn the_password_is_not_in_the_log() {
    let redis = Redis::start_with(&["--requirepass", "s3cr3t"]).await;
    let url = format!("redis://:s3cr3t@127.0.0.1:{}", redis.port);
    let broker = Setup::new()
        .env("REDIS_URL", &url)
        .env("TIDEGATE_LOG", "debug")
        .start()
        .await;
    let wrong = format!("redis://:wr0ng-s3cr3t@127.0.0.1:{}", redis.port);
    let setup = Setup::new()
        .env("REDIS_URL", &wrong)
        .env("TIDEGATE_LOG", "debug");
    let refused = setup.start_unready().await;
    refused
        .logged("the password is refused", |line| line.contains("WRONGPASS"))
        .await;
    for one in [broker, refused] {
        assert!(!one.process.logs.text().contains("s3cr3t"));
    }
}

/// Only the subscriber's connection is cut: publishing still works, so nothing else would tell.
#[tokio::test]
async fn a_cut_subscriber_comes_back_and_tells() {
    let redis = Redis::start().await;
    let broker = started(&redis, "").await;
    let (mut client, _) = Client::connect_v1(&broker).await;
    client.listen(&["channel:update"]).await;
    let killed = redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_ne!(killed.trim(), "0", "the broker had a subscriber");
    assert_eq!(client.frame().await["type"], "MISSED");
    broker.ready().await;
    redis
        .publish(r#"{"topic":"channel:update","message":"back"}"#)
        .await;
    client.expect_message("channel:update", "back").await;
}

#[tokio::test]
async fn redis_is_reached_over_ipv6() {
    let redis = Redis::start().await;
    let url = format!("redis://[::1]:{}", redis.port);
    let broker = Setup::new().env("REDIS_URL", &url).start().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    redis
        .publish(r#"{"topic":"channel:update","message":"over IPv6"}"#)
        .await;
    client.expect_message("channel:update", "over IPv6").await;
}
