//! Publications over Redis: to all nodes, to listeners only, in one order.

use futures_util::future::join_all;
use redis::AsyncTypedCommands;
use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::tokens;

/// Two nodes on one Redis with one key pair.
pub(crate) async fn two_nodes(url: &str, settings: &str) -> [Broker; 2] {
    let keys = tokens::keys("EdDSA");
    let setup = || {
        let setup = Setup::new()
            .env("REDIS_URL", url)
            .env("TIDEGATE_KEYS", &keys);
        setup.settings(settings)
    };
    [setup().start().await, setup().start().await]
}

#[tokio::test]
async fn redis_cli_reaches_listeners_on_both_nodes_and_nobody_else() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    let mut listeners = Vec::new();
    let mut others = Vec::new();
    for node in &nodes {
        for _ in 0..3 {
            let mut listener = Client::connect(node).await;
            listener.listen(&["channel:update", "channel:fence"]).await;
            listeners.push(listener);
            let mut other = Client::connect(node).await;
            other.listen(&["channel:follow", "channel:fence"]).await;
            others.push(other);
        }
    }
    let message = r#"{"topic":"channel:update","message":{"title":"hi"}}"#;
    let printed = redis.cli(&["PUBLISH", "realtime", message]);
    assert_eq!(printed.trim(), "2", "both nodes subscribe once");
    redis
        .publish(r#"{"topic":"channel:fence","message":"done"}"#)
        .await;
    for listener in &mut listeners {
        listener
            .expect_message("channel:update", r#"{"title":"hi"}"#)
            .await;
        listener.expect_message("channel:fence", "done").await;
    }
    for other in &mut others {
        other.expect_message("channel:fence", "done").await;
    }
}

#[tokio::test]
async fn garbage_on_the_channel_is_passed_over() {
    let redis = Redis::start().await;
    let [node, _] = two_nodes(&redis.url(), "").await;
    let mut client = Client::connect(&node).await;
    client.listen(&["channel:update"]).await;
    let deep = "[".repeat(100_000);
    for garbage in [
        "",
        "nonsense",
        "{",
        "null",
        r#"{"topic":"channel:update"}"#,
        r#"{"topic":"channel::update","message":1}"#,
        r#"{"topic":7,"message":1}"#,
        &deep,
    ] {
        redis.publish(garbage).await;
    }
    let mut connection = redis.connection().await;
    connection
        .publish("realtime", &[0xff_u8, 0xfe, 0x00][..])
        .await
        .unwrap();
    let odd = r#" { "unknown" : [1,{}] , "message" : "ok" , "topic" : "channel:update" } "#;
    redis.publish(odd).await;
    client.expect_message("channel:update", "ok").await;
}

/// Publishers on both nodes and beside them; whoever listens sees one sequence.
#[tokio::test]
async fn both_nodes_have_one_order() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    let mut listeners = Vec::new();
    for node in &nodes {
        for _ in 0..2 {
            let mut listener = Client::connect(node).await;
            listener.listen(&["channel:update"]).await;
            listeners.push(listener);
        }
    }
    const EACH: usize = 60;
    let service = nodes[0].service_token();
    let publish = |node: usize| {
        let (broker, service) = (&nodes[node], &service);
        async move {
            for n in 0..EACH {
                broker
                    .publish(service, "channel:update", json!(format!("{node}:{n}")))
                    .await;
            }
        }
    };
    let direct = async {
        for n in 0..EACH {
            redis
                .publish(
                    &json!({"topic": "channel:update", "message": format!("2:{n}")}).to_string(),
                )
                .await;
        }
    };
    tokio::join!(publish(0), publish(1), direct);
    let heard = join_all(listeners.iter_mut().map(async |listener| {
        let mut all = Vec::new();
        for _ in 0..3 * EACH {
            all.push(listener.message().await.1);
        }
        all
    }))
    .await;
    for other in &heard[1..] {
        assert_eq!(&heard[0], other);
    }
    for publisher in 0..3 {
        let prefix = format!("{publisher}:");
        let own: Vec<_> = heard[0]
            .iter()
            .filter(|one| one.starts_with(&prefix))
            .collect();
        let sent: Vec<_> = (0..EACH).map(|n| format!("{prefix}{n}")).collect();
        assert_eq!(own, sent.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_id_is_heard_once_whoever_repeats_it() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "").await;
    let service = nodes[0].service_token();
    let mut client = Client::connect(&nodes[1]).await;
    client.listen(&["channel:update"]).await;
    let body = json!({"topic": "channel:update", "message": 1, "id": "same"}).to_string();
    nodes[0].post_publish(&service, &body).await;
    nodes[1].post_publish(&service, &body).await;
    redis.publish(&body).await;
    redis
        .publish(r#"{"topic":"channel:update","message":2}"#)
        .await;
    client.expect_message("channel:update", "1").await;
    client.expect_message("channel:update", "2").await;
}
