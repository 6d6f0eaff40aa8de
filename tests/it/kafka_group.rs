//! Several nodes in one group: partitions move, records do not get lost.

use std::time::Duration;

use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::{tokens, wait};

use crate::kafka::{committed, has_partitions, listener, reading};

const PARTITIONS: i32 = 4;

/// A dead member is noticed in a test's time.
const IMPATIENT: &str =
    "[kafka.properties]\n\"session.timeout.ms\" = 3000\n\"heartbeat.interval.ms\" = 500\n";

struct Group {
    kafka: std::sync::Arc<Kafka>,
    topic: String,
    redis: Redis,
    keys: String,
}

impl Group {
    async fn new() -> Self {
        let kafka = Kafka::shared().await;
        let topic = kafka.topic(PARTITIONS).await;
        Self {
            kafka,
            topic,
            redis: Redis::start().await,
            keys: tokens::keys("EdDSA"),
        }
    }

    fn setup(&self, setup: Setup) -> Setup {
        setup
            .env("REDIS_URL", &self.redis.url())
            .env("TIDEGATE_KEYS", &self.keys)
    }

    /// A node that reads.
    async fn member(&self, more: &str) -> Broker {
        let setup = reading(&self.kafka, &self.topic, more);
        self.setup(setup).start().await
    }

    /// A node that only has clients.
    async fn bystander(&self) -> Broker {
        self.setup(Setup::new()).start().await
    }
}

/// Every number of `0..count` once, those of a partition in order.
async fn expect_all(client: &mut Client, count: i32) {
    let mut next: Vec<i32> = (0..PARTITIONS).collect();
    for _ in 0..count {
        let (_, message) = client.message().await;
        let number: i32 = message.parse().unwrap();
        let partition = usize::try_from(number % PARTITIONS).unwrap();
        assert_eq!(number, next[partition], "of partition {partition}");
        next[partition] += PARTITIONS;
    }
}

fn all_done(count: i32) -> Vec<Option<i64>> {
    vec![Some(i64::from(count / PARTITIONS)); 4]
}

#[tokio::test]
async fn a_record_read_by_either_node_reaches_the_user_on_both() {
    let group = Group::new().await;
    let nodes = [group.member("").await, group.member("").await];
    for node in &nodes {
        has_partitions(node, 2.0).await;
    }
    let mut clients = Vec::new();
    for node in &nodes {
        clients.push(listener(node, "alice").await);
    }
    let sending = group
        .kafka
        .stream(&group.topic, "alice", PARTITIONS, 0..400, Duration::ZERO);
    for client in &mut clients {
        expect_all(client, 400).await;
    }
    sending.await.unwrap();
    committed(&group.kafka, &group.topic, &all_done(400)).await;
    for node in &nodes {
        let read = node.metric("tidegate_source_records_total").await;
        assert_eq!(read, Some(200.0), "each read its half");
    }
}

#[tokio::test]
async fn killing_a_node_in_mid_stream_loses_nothing_and_repeats_nothing() {
    let group = Group::new().await;
    let mut killed = group.member(IMPATIENT).await;
    let survivor = group.member(IMPATIENT).await;
    for node in [&killed, &survivor] {
        has_partitions(node, 2.0).await;
    }
    let mut alice = listener(&survivor, "alice").await;
    let pace = Duration::from_millis(1);
    let sending = group
        .kafka
        .stream(&group.topic, "alice", PARTITIONS, 0..4_000, pace);
    wait::until("the node that will die reads", async || {
        let read = killed.metric("tidegate_source_records_total").await;
        read.is_some_and(|read| read > 300.0).then_some(())
    })
    .await;
    killed.process.kill();
    expect_all(&mut alice, 4_000).await;
    sending.await.unwrap();
    has_partitions(&survivor, 4.0).await;
    committed(&group.kafka, &group.topic, &all_done(4_000)).await;
}

#[tokio::test]
async fn partitions_move_to_a_node_that_joins_and_back_at_once_when_it_drains() {
    let group = Group::new().await;
    // Only a member that leaves of its own accord is gone before this time.
    let patient =
        "[kafka.properties]\n\"session.timeout.ms\" = 60000\n\"heartbeat.interval.ms\" = 500\n";
    let stays = group.member(patient).await;
    has_partitions(&stays, 4.0).await;
    let bystander = group.bystander().await;
    let mut alice = listener(&bystander, "alice").await;
    let pace = Duration::from_millis(1);
    let sending = group
        .kafka
        .stream(&group.topic, "alice", PARTITIONS, 0..8_000, pace);
    let moving = async {
        let mut leaves = group.member(patient).await;
        has_partitions(&leaves, 2.0).await;
        has_partitions(&stays, 2.0).await;
        wait::until("it reads", async || {
            let read = leaves.metric("tidegate_source_records_total").await;
            read.is_some_and(|read| read > 100.0).then_some(())
        })
        .await;
        leaves.terminate();
        has_partitions(&stays, 4.0).await;
        assert!(leaves.process.exit().await.success());
        leaves
    };
    let (left, ()) = tokio::join!(moving, expect_all(&mut alice, 8_000));
    assert!(left.process.logs.text().contains("kafka: left the group"));
    sending.await.unwrap();
    committed(&group.kafka, &group.topic, &all_done(8_000)).await;
}
