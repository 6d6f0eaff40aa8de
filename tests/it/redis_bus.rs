//! Publications over Redis: to all nodes, to listeners only, in one order.

use std::process::Command;

use futures_util::future::join_all;
use redis::AsyncTypedCommands;
use serde_json::json;
use tidegate_tests::broker::{Broker, Setup};
use tidegate_tests::client::Client;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::redis::Redis;
use tidegate_tests::tokens;

/// Two nodes on one Redis with one key pair.
async fn two_nodes(url: &str, settings: &str) -> [Broker; 2] {
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
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (
        folder.path().join("key.pem"),
        folder.path().join("cert.pem"),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is missing: apt-get install openssl");
    assert!(made.status.success());
    let port = tidegate_tests::ports::free().to_string();
    let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
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
