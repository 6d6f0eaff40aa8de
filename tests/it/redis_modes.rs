//! The modes of the bus on Redis, and its ways of transport.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::certificate::Certificate;
use tidegate_tests::client::Client;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;

use crate::redis_bus::two_nodes;

/// What each mode must do, and that `realtime` is read in all of them.
async fn speaks(nodes: &[Broker; 2], redis: &Redis) {
    let service = nodes[0].service_token();
    let mut listeners = Vec::new();
    for node in nodes {
        let mut listener = Client::connect(node).await;
        listener.listen(&["channel:update", "channel:fence"]).await;
        listeners.push(listener);
    }
    for (turn, node) in nodes.iter().enumerate() {
        node.publish(&service, "channel:update", json!(turn)).await;
        for listener in &mut listeners {
            listener
                .expect_message("channel:update", &turn.to_string())
                .await;
        }
    }
    redis
        .publish(r#"{"topic":"channel:update","message":"by realtime"}"#)
        .await;
    for listener in &mut listeners {
        listener
            .expect_message("channel:update", "by realtime")
            .await;
    }
    let response = listeners[0]
        .ask("UNLISTEN", json!({"topics": ["channel:update"]}))
        .await;
    assert_eq!(response["error"], "");
    nodes[1]
        .publish(&service, "channel:update", json!("last"))
        .await;
    listeners[1].expect_message("channel:update", "last").await;
    nodes[1]
        .publish(&service, "channel:fence", json!("done"))
        .await;
    for listener in &mut listeners {
        listener.expect_message("channel:fence", "done").await;
    }
}

#[tokio::test]
async fn per_topic_subscribes_only_while_somebody_listens() {
    let redis = Redis::start().await;
    let nodes = two_nodes(&redis.url(), "[redis]\nmode = \"per-topic\"\n").await;
    let channels = |pattern: &str| redis.cli(&["PUBSUB", "CHANNELS", pattern]);
    assert_eq!(channels("*channel:update*"), "\n");
    let mut client = Client::connect(&nodes[0]).await;
    client.listen(&["channel:update"]).await;
    assert!(
        channels("*channel:update*").contains("channel:update"),
        "live before the RESPONSE"
    );
    drop(client);
    tidegate_tests::wait::until("the channel is given up", async || {
        (channels("*channel:update*") == "\n").then_some(())
    })
    .await;
    speaks(&nodes, &redis).await;
}

#[tokio::test]
async fn sharded_works_on_a_cluster() {
    let cluster = Cluster::start().await;
    let nodes = two_nodes(&cluster.url(), "[redis]\nmode = \"sharded\"\n").await;
    speaks(&nodes, &cluster.nodes()[0]).await;
    let mut client = Client::connect(&nodes[0]).await;
    let topics: Vec<String> = (0..30).map(|n| format!("channel:{n}")).collect();
    client
        .listen(&topics.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let service = nodes[0].service_token();
    let shards = cluster
        .nodes()
        .iter()
        .map(|one| one.cli(&["PUBSUB", "SHARDCHANNELS"]));
    let used = shards.filter(|listed| listed.contains("channel:")).count();
    assert_eq!(used, 3, "the topics are spread over all shards");
    for topic in &topics {
        nodes[1].publish(&service, topic, json!(topic)).await;
        client.expect_message(topic, topic).await;
    }
}

#[tokio::test]
async fn tls_is_spoken_when_the_scheme_says_so() {
    let made = Certificate::for_localhost();
    let port = tidegate_tests::ports::free().to_string();
    let [key, certificate] =
        [made.key(), made.certificate()].map(|file| file.display().to_string());
    let tls = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
    ];
    let redis = Redis::start_with(&[&tls[..], &["--tls-auth-clients", "no"]].concat()).await;
    let url = format!("rediss://localhost:{port}");
    let setup = Setup::new()
        .env("REDIS_URL", &url)
        .env("SSL_CERT_FILE", &certificate);
    let broker = setup.start().await;
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    redis
        .publish(r#"{"topic":"channel:update","message":"over TLS"}"#)
        .await;
    client.expect_message("channel:update", "over TLS").await;
    // Without the certificate the node must not trust it.
    let distrusting = Setup::new().env("REDIS_URL", &url).start_unready().await;
    distrusting
        .logged("the certificate is refused", |line| {
            line.contains("ertificate")
        })
        .await;
    assert_eq!(distrusting.get("/readyz").await.status, 503);
}
