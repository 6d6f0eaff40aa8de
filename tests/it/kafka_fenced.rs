//! What librdkafka does not recover from by itself.

use tidegate_tests::kafka::Kafka;
use tidegate_tests::redis::Redis;
use tidegate_tests::tokens;
use tidegate_tests::wait;

use crate::kafka::{committed, has_partitions, listener, messages, reading};

/// Two members with one name: whoever joins shuts the other out for good.
const ONE_NAME: &str = "[kafka.properties]\n\"group.instance.id\" = \"one\"\n\
    \"session.timeout.ms\" = 3000\n\"heartbeat.interval.ms\" = 500\n";

#[tokio::test]
async fn a_fenced_member_joins_again() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let redis = Redis::start().await;
    let keys = tokens::keys("EdDSA");
    let setup = || {
        reading(&kafka, &topic, ONE_NAME)
            .env("REDIS_URL", &redis.url())
            .env("TIDEGATE_KEYS", &keys)
    };
    let stays = setup().start().await;
    has_partitions(&stays, 1.0).await;
    let mut alice = listener(&stays, "alice").await;
    kafka.send(&topic, "alice", &["1"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["1"]);

    let mut rival = setup().start().await;
    wait::until("it was shut out and came back", async || {
        let restarts = stays.metric("tidegate_kafka_restarts_total").await;
        restarts
            .is_some_and(|restarts| restarts >= 1.0)
            .then_some(())
    })
    .await;
    let said = stays
        .logged("why", |line| line.contains("the consumer cannot go on"))
        .await;
    assert!(said.contains("fenced"), "{said}");
    assert_eq!(stays.get("/readyz").await.status, 200, "clients are served");
    // Whoever has the partition at the time, the record is heard once.
    kafka.send(&topic, "alice", &["2"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["2"]);
    rival.process.kill();
    kafka.send(&topic, "alice", &["3"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["3"]);
    has_partitions(&stays, 1.0).await;
    committed(&kafka, &topic, &[Some(3)]).await;
    alice.expect_nothing_before_pong().await;
}
