//! Notifications as a house runs them: the topic `user-notifications`, several nodes in one group
//! with one Redis, and clients of both languages on any of them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::{tokens, wait};

use crate::kafka::has_partitions;

/// What the shipped plugin reads when nothing else is set.
const TOPIC: &str = "user-notifications";
const PARTITIONS: i32 = 4;

/// A dead member is noticed in a test's time.
const IMPATIENT: &str =
    "[kafka.properties]\n\"session.timeout.ms\" = 3000\n\"heartbeat.interval.ms\" = 500\n";

struct House {
    kafka: Arc<Kafka>,
    redis: Redis,
    keys: String,
}

impl House {
    async fn new() -> Self {
        let kafka = Kafka::shared().await;
        kafka.make_topic(TOPIC, PARTITIONS).await;
        Self {
            kafka,
            redis: Redis::start().await,
            keys: tokens::keys("EdDSA"),
        }
    }

    async fn node(&self) -> Broker {
        let setup = Setup::new()
            .env("KAFKA_BROKERS", &self.kafka.brokers())
            .env("REDIS_URL", &self.redis.url())
            .env("TIDEGATE_KEYS", &self.keys);
        setup.settings(IMPATIENT).start().await
    }

    fn sends_ann(&self, range: Range<i32>, pace: Duration) -> tokio::task::JoinHandle<()> {
        self.kafka.stream(TOPIC, "ann", PARTITIONS, range, pace)
    }
}

async fn npm(node: &Broker, user: &str) -> SocketIo {
    let options = json!({"transports": ["polling", "websocket"], "token": node.token(user, &[])});
    let mut client = SocketIo::npm(&node.url(""), &options).await;
    client.connects().await;
    client
}

async fn python(node: &Broker, user: &str) -> SocketIo {
    let options = json!({"transports": ["websocket"], "token": node.token(user, &[])});
    let mut client = SocketIo::python(&node.url(""), &options).await;
    client.connects().await;
    client
}

/// Every number of the range once, those of a partition in order, and nothing else.
async fn expect_all(client: &mut SocketIo, range: Range<i32>) {
    assert_eq!(range.start % PARTITIONS, 0);
    let mut next: Vec<i32> = (range.start..range.start + PARTITIONS).collect();
    for _ in range {
        let heard = client.hears_event("notification").await;
        let number = i32::try_from(heard[0].as_i64().unwrap()).unwrap();
        let partition = usize::try_from(number % PARTITIONS).unwrap();
        assert_eq!(number, next[partition], "of partition {partition}");
        next[partition] += PARTITIONS;
    }
}

async fn expect_next(client: &mut SocketIo, payload: &str) {
    let heard = client.hears_event("notification").await;
    assert_eq!(heard, json!([payload]));
}

#[tokio::test]
async fn a_user_hears_on_every_node_once_though_one_is_killed() {
    let house = House::new().await;
    let (mut killed, survivor) = (house.node().await, house.node().await);
    for node in [&killed, &survivor] {
        has_partitions(node, 2.0).await;
    }
    let mut anns = [npm(&killed, "ann").await, python(&survivor, "ann").await];
    let mut bobs = [python(&killed, "bob").await, npm(&survivor, "bob").await];

    house.sends_ann(0..400, Duration::ZERO).await.unwrap();
    for ann in &mut anns {
        expect_all(ann, 0..400).await;
    }
    for node in [&killed, &survivor] {
        let read = node.metric("tidegate_source_records_total").await;
        assert_eq!(read, Some(200.0), "each read its half");
    }
    house.kafka.send(TOPIC, "bob", &["\"for bob\""]).await;
    for bob in &mut bobs {
        expect_next(bob, "for bob").await;
    }

    let [mut gone, mut stays] = anns;
    let sending = house.sends_ann(400..2_400, Duration::from_millis(1));
    wait::until("the node that will die reads on", async || {
        let read = killed.metric("tidegate_source_records_total").await;
        read.is_some_and(|read| read > 400.0).then_some(())
    })
    .await;
    killed.process.kill();
    expect_all(&mut stays, 400..2_400).await;
    sending.await.unwrap();
    has_partitions(&survivor, 4.0).await;
    assert_eq!(
        gone.hears_of("disconnect").await["reason"],
        "transport close"
    );
    house.sends_ann(2_400..2_800, Duration::ZERO).await.unwrap();
    expect_all(&mut stays, 2_400..2_800).await;
    house.kafka.send(TOPIC, "bob", &["\"again\""]).await;
    expect_next(&mut bobs[1], "again").await;

    nobody_connected(&house, &survivor, stays).await;
}

/// What is for a user without a client is done with and counted, and not kept for later.
async fn nobody_connected(house: &House, node: &Broker, mut last: SocketIo) {
    last.end().await;
    wait::until("only bob is connected", async || {
        (node.metric("tidegate_connections").await == Some(1.0)).then_some(())
    })
    .await;
    let before = node.metric("tidegate_bus_unheard_total").await.unwrap();
    house.sends_ann(0..20, Duration::ZERO).await.unwrap();
    wait::until("they are counted", async || {
        let unheard = node.metric("tidegate_bus_unheard_total").await.unwrap();
        (unheard - before == 20.0).then_some(())
    })
    .await;
    wait::until("they are done with", async || {
        let lag = node.metric("tidegate_kafka_lag").await;
        (lag == Some(0.0)).then_some(())
    })
    .await;
    let mut ann = npm(node, "ann").await;
    house.kafka.send(TOPIC, "ann", &["\"news\""]).await;
    expect_next(&mut ann, "news").await;
}
