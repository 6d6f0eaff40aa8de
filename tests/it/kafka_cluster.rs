//! Records over a Redis cluster, each topic on its own shard.

use std::time::Duration;

use serde_json::json;
use tidegate_tests::cluster::Cluster;
use tidegate_tests::http;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::setup::Setup;

use crate::kafka::{committed, listener, messages, messages_among_missed, reading};

/// Notices a dead master in a test's time.
const SHARDED: &str = "[redis]\nmode = \"sharded\"\nprobe_interval = \"200ms\"\n\
    probe_timeout = \"1s\"\nbackoff_max = \"500ms\"\n";

fn on(cluster: &Cluster, kafka: &Kafka, topic: &str) -> Setup {
    reading(kafka, topic, SHARDED).env("REDIS_URL", &cluster.url())
}

#[tokio::test]
async fn what_is_heard_back_from_a_shard_is_committed() {
    let (cluster, kafka) = (Cluster::start().await, Kafka::shared().await);
    let topic = kafka.topic(1).await;
    let broker = on(&cluster, &kafka, &topic).start().await;
    // Enough users that every shard has some; for one of them nobody listens here.
    let users: Vec<_> = (0..12).map(|n| format!("user-{n}")).collect();
    let mut clients = Vec::new();
    for user in &users {
        clients.push(listener(&broker, user).await);
    }
    kafka.send(&topic, "nobody", &["0"]).await;
    for user in &users {
        kafka.send(&topic, user, &["1", "2"]).await;
    }
    for client in &mut clients {
        assert_eq!(messages(client, 2).await, ["1", "2"]);
    }
    committed(&kafka, &topic, &[Some(25)]).await;

    let bearer = format!("Bearer {}", broker.service_token());
    for (client, user) in clients.iter_mut().zip(&users) {
        let headers = [("authorization", bearer.as_str()), ("tidegate-key", user)];
        let url = broker.url(&format!("/ingest/{topic}"));
        let answer = http::post(&url, &headers, "3".to_owned()).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"published": 1}))
        );
        assert_eq!(messages(client, 1).await, ["3"]);
    }
}

#[tokio::test]
async fn a_master_that_dies_in_mid_stream_loses_nothing_and_repeats_nothing() {
    const RECORDS: i32 = 1_000;
    let (mut cluster, kafka) = (Cluster::start_replicated().await, Kafka::shared().await);
    let topic = kafka.topic(1).await;
    let broker = on(&cluster, &kafka, &topic).start().await;
    let mut alice = listener(&broker, "alice").await;
    let pace = Duration::from_millis(2);
    let sending = kafka.stream(&topic, "alice", 1, 0..RECORDS, pace);
    let mut heard = messages(&mut alice, 100).await;
    cluster.kill_master_of("tidegate:topic:user:alice:notification");
    sending.await.unwrap();
    let left = usize::try_from(RECORDS).unwrap() - heard.len();
    let (rest, told) = messages_among_missed(&mut alice, left).await;
    heard.extend(rest);
    let sent: Vec<_> = (0..RECORDS).map(|number| number.to_string()).collect();
    assert_eq!(heard, sent, "in order, none missing, none twice");
    assert!(told, "the client is told of the gap");
    committed(&kafka, &topic, &[Some(i64::from(RECORDS))]).await;
}
