//! Records from Kafka reach the users they are for.

use std::time::Duration;

use serde_json::json;
use tidegate_tests::artifacts;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::kafka::{Kafka, USER};
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;

/// Settings by which `topic` goes through the guest `relay`.
pub(crate) fn relaying(topic: &str, more: &str) -> String {
    let relay = artifacts::guest("relay");
    format!(
        "{more}\n[plugin.relay]\ncomponent = {:?}\npublisher = [\"user:*:**\"]\n\
         [[ingest]]\ntopic = {topic:?}\nmapper = \"relay\"\n",
        relay.display().to_string()
    )
}

/// A broker's setup that reads `topic`, in a group of the topic's name. Told to end, it does
/// not give its clients the ten seconds and more that are the default.
pub(crate) fn reading(kafka: &Kafka, topic: &str, more: &str) -> Setup {
    Setup::new()
        .env("KAFKA_BROKERS", &kafka.brokers())
        .env("KAFKA_GROUP", topic)
        .env("TIDEGATE_SERVER_DRAIN_SPREAD", "0s")
        .settings(&relaying(topic, more))
}

/// A client that listens to what is for `user`.
pub(crate) async fn listener(broker: &Broker, user: &str) -> Client {
    let (mut client, _) = Client::connect_v1(broker).await;
    let token = broker.token(user, &[]);
    let topic = format!("user:{user}:notification");
    client.listen_with(&[&topic], &token).await;
    client
}

/// The next `count` messages; each connection hears of one topic only.
pub(crate) async fn messages(client: &mut Client, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(client.message().await.1);
    }
    heard
}

/// As [`messages`], and whether the client was told on the way that it may have missed some.
pub(crate) async fn messages_among_missed(
    client: &mut Client,
    count: usize,
) -> (Vec<String>, bool) {
    let (mut heard, mut told) = (Vec::new(), false);
    while heard.len() < count {
        let frame = client.frame().await;
        match frame["type"].as_str() {
            Some("MESSAGE") => heard.push(frame["data"]["message"].as_str().unwrap().into()),
            Some("MISSED") => told = true,
            _ => panic!("{frame}"),
        }
    }
    (heard, told)
}

pub(crate) async fn committed(kafka: &Kafka, topic: &str, expected: &[Option<i64>]) {
    let partitions = i32::try_from(expected.len()).unwrap();
    wait::until("the offsets are committed", async || {
        let found = kafka.committed(topic, topic, partitions).await;
        (found == expected).then_some(())
    })
    .await;
}

pub(crate) async fn has_partitions(broker: &Broker, count: f64) {
    wait::until(&format!("the node has {count} partitions"), async || {
        let found = broker.metric("tidegate_kafka_partitions").await;
        (found == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_record_reaches_its_user_and_nobody_else_and_is_committed() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let broker = reading(&kafka, &topic, "").start().await;
    let mut alice = listener(&broker, "alice").await;
    let mut also_alice = listener(&broker, "alice").await;
    let mut bob = listener(&broker, "bob").await;
    let values = [r#"{"title":"hi"}"#, "twice", r#""plain""#];
    kafka.send(&topic, "alice", &values).await;
    kafka.send(&topic, "bob", &["0"]).await;
    for client in [&mut alice, &mut also_alice] {
        let heard = messages(client, 4).await;
        assert_eq!(heard, [r#"{"title":"hi"}"#, "1", "2", "plain"]);
    }
    assert_eq!(messages(&mut bob, 1).await, ["0"]);
    committed(&kafka, &topic, &[Some(4)]).await;
    let metrics = broker.admin_get("/metrics").await.body;
    for line in [
        format!("tidegate_source_records_total{{topic=\"{topic}\",outcome=\"published\"}} 4"),
        "tidegate_kafka_rebalances_total{kind=\"assigned\"} 1".to_owned(),
        format!("tidegate_source_record_age_seconds_count{{topic=\"{topic}\"}} 4"),
    ] {
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    wait::until("the lag is seen", async || {
        (broker.metric("tidegate_kafka_lag").await == Some(0.0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_restarted_node_goes_on_after_what_was_heard() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let mut first = reading(&kafka, &topic, "").start().await;
    let mut alice = listener(&first, "alice").await;
    kafka.send(&topic, "alice", &["1", "2"]).await;
    assert_eq!(messages(&mut alice, 2).await, ["1", "2"]);
    first.terminate();
    assert!(first.process.exit().await.success());
    committed(&kafka, &topic, &[Some(2)]).await;

    kafka.send(&topic, "alice", &["3"]).await;
    let second = reading(&kafka, &topic, "").start().await;
    committed(&kafka, &topic, &[Some(3)]).await;
    let records = second.metric("tidegate_source_records_total").await;
    assert_eq!(records, Some(1.0), "only what came meanwhile");
}

#[tokio::test]
async fn sasl_and_other_properties_are_passed_through() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let secure = "[kafka.properties]\n\"security.protocol\" = \"sasl_plaintext\"\n\
                  \"sasl.mechanisms\" = \"PLAIN\"\n";
    let setup = |password: &str| {
        reading(&kafka, &topic, secure)
            .env("KAFKA_BROKERS", &kafka.sasl_brokers())
            .env("KAFKA_USERNAME", USER.0)
            .env("KAFKA_PASSWORD", password)
            .env("TIDEGATE_LOG", "debug")
    };
    let broker = setup(USER.1).start().await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send(&topic, "alice", &["1"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["1"]);

    // It serves its clients all the same, and says what is wrong.
    let refused = setup("wr0ng").start().await;
    refused
        .logged("the password is wrong", |line| {
            line.contains("SASL authentication error")
        })
        .await;
    for one in [broker, refused] {
        let text = one.process.logs.text();
        assert!(!text.contains(USER.1) && !text.contains("wr0ng"));
    }
}

#[tokio::test]
async fn a_kafka_that_dies_is_found_again() {
    let mut kafka = Kafka::start().await;
    let topic = kafka.topic(2).await;
    let broker = reading(&kafka, &topic, "").start().await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send(&topic, "alice", &["1"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["1"]);
    kafka.kill();
    assert_eq!(broker.get("/readyz").await.status, 200);
    kafka.restart().await;
    kafka.send(&topic, "alice", &["2"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["2"]);
}

#[tokio::test]
async fn a_broker_may_start_before_kafka_and_before_the_topic() {
    let mut kafka = Kafka::start().await;
    kafka.kill();
    let often = "[kafka.properties]\n\"topic.metadata.refresh.interval.ms\" = 500\n";
    let broker = reading(&kafka, "late", often).start().await;
    kafka.restart().await;
    kafka.make_topic("late", 1).await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send("late", "alice", &["1"]).await;
    assert_eq!(messages(&mut alice, 1).await, ["1"]);
}

#[tokio::test]
async fn a_drain_ends_in_time_though_kafka_hangs() {
    let kafka = Kafka::start().await;
    let topic = kafka.topic(1).await;
    let quick = "[server]\ndrain_timeout = \"3s\"\n";
    let mut broker = reading(&kafka, &topic, quick).start().await;
    has_partitions(&broker, 1.0).await;
    kafka.send(&topic, "alice", &["1"]).await;
    kafka.pause();
    let start = tokio::time::Instant::now();
    broker.terminate();
    assert!(broker.process.exit().await.success());
    assert!(start.elapsed() < Duration::from_secs(8));
    let blamed = |line: &str| line.contains(r#""running":"tidegate-source""#);
    assert!(broker.process.logs.find(blamed).is_some());
    kafka.resume();
}

#[tokio::test]
async fn brokers_without_a_topic_and_bad_properties_are_refused_by_name() {
    let setup = Setup::new()
        .env("KAFKA_BROKERS", "127.0.0.1:9")
        .settings("[plugin.notifications]\nenabled = false\n");
    let (status, words) = setup.start_refused().await;
    assert_eq!(status.code(), Some(2));
    assert!(words.contains("KAFKA_BROKERS"), "{words}");
    assert!(words.contains("[[ingest]]"), "{words}");

    let settings = relaying(
        "orders",
        "[kafka.properties]\nnonsense = 1\n\"group.id\" = \"x\"\n",
    );
    let setup = Setup::new()
        .env("KAFKA_BROKERS", "127.0.0.1:9")
        .settings(&settings.replace("mapper = \"relay\"", "mapper = \"rely\""));
    let (status, words) = setup.start_refused().await;
    assert_eq!(status.code(), Some(2));
    for named in [
        "tidegate.toml:2: kafka.properties.\"nonsense\"",
        "kafka.group",
    ] {
        assert!(words.contains(named), "{named} is not in {words}");
    }
}

#[tokio::test]
async fn the_shape_of_what_users_get_is_the_publications() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let broker = reading(&kafka, &topic, "").start().await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send(&topic, "alice", &[r#"{"a":1}"#]).await;
    let data = json!({
        "topic": "user:alice:notification",
        "message": "{\"a\":1}",
        "event": "notification",
        "id": format!("{topic}/0/0/0"),
    });
    alice.expect(json!({"type": "MESSAGE", "data": data})).await;
}

/// Far more than may be in memory: it is read as fast as it is done with, and no faster.
#[tokio::test]
async fn a_backlog_is_worked_off_within_bounds() {
    const RECORDS: i32 = 40_000;
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(4).await;
    let sending = kafka.stream(&topic, "alice", 4, 0..RECORDS, Duration::ZERO);
    sending.await.unwrap();
    let bounded = "[kafka]\nbatch_records = 250\npartition_records = 1000\n";
    let broker = reading(&kafka, &topic, bounded).start().await;
    let mut began = None;
    let mut most = 0.0_f64;
    let name = format!("{RECORDS} records are done with");
    let patience = Duration::from_secs(120);
    wait::until_within(patience, &name, async || {
        let held = broker.metric("tidegate_kafka_held_records").await;
        most = most.max(held.unwrap_or_default());
        let done = broker.metric("tidegate_source_records_total").await?;
        if done > 0.0 && began.is_none() {
            began = Some((tokio::time::Instant::now(), done));
        }
        (done == f64::from(RECORDS)).then_some(())
    })
    .await;
    let (began, before) = began.unwrap();
    let rate = (f64::from(RECORDS) - before) / began.elapsed().as_secs_f64();
    println!("{rate:.0} records/s, at most {most} in memory");
    // A turn may take more than the limit before it is noticed.
    assert!(most < 4.0 * 1_000.0 + 2_001.0, "{most} records in memory");
    committed(&kafka, &topic, &[Some(i64::from(RECORDS / 4)); 4]).await;
}
