//! Records that fail: tried again, put away, and no hindrance to those after them.

use std::collections::BTreeMap;

use rdkafka::Message;
use rdkafka::message::{Headers, OwnedMessage};
use tidegate_tests::kafka::Kafka;
use tidegate_tests::redis::Redis;
use tidegate_tests::wait;

use crate::kafka::{committed, listener, messages, messages_among_missed, reading, relaying};

fn headers(message: &OwnedMessage) -> BTreeMap<String, String> {
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into();
    headers
        .map(|header| (header.key.to_owned(), text(header.value)))
        .collect()
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_with_its_reason_and_the_partition_goes_on() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let dead = kafka.topic(1).await;
    let settings = relaying(&topic, "") + &format!("dead_letter = {dead:?}\n");
    let setup = reading(&kafka, &topic, "").settings(&settings);
    let broker = setup.start().await;
    let mut alice = listener(&broker, "alice").await;
    let values = [
        "1",
        "trap",
        "2",
        "refuse",
        "fail",
        "nonsense",
        "3",
        "elsewhere",
        "nowhere",
        "4",
    ];
    kafka.send(&topic, "alice", &values).await;
    assert_eq!(messages(&mut alice, 4).await, ["1", "2", "3", "4"]);
    committed(&kafka, &topic, &[Some(10)]).await;

    let letters = kafka.read(&dead, 6).await;
    let found: Vec<_> = letters
        .iter()
        .map(|letter| {
            let headers = headers(letter);
            assert_eq!(headers["tidegate-source-topic"], topic);
            assert_eq!(headers["tidegate-source-partition"], "0");
            assert!(headers.contains_key("tidegate-source-timestamp"));
            assert!(!headers["tidegate-error-message"].is_empty());
            assert_eq!(letter.key(), Some(&b"alice"[..]));
            let value = String::from_utf8_lossy(letter.payload().unwrap()).into_owned();
            let offset = headers["tidegate-source-offset"].clone();
            (value, headers["tidegate-error-code"].clone(), offset)
        })
        .collect();
    let expected = [
        ("trap", "mapper-trapped", "1"),
        ("refuse", "refused", "3"),
        ("fail", "failing", "4"),
        ("nonsense", "bad-payload", "5"),
        ("elsewhere", "not-granted", "7"),
        ("nowhere", "bad-topic", "8"),
    ];
    let expected = expected.map(|(v, c, o)| (v.to_owned(), c.to_owned(), o.to_owned()));
    assert_eq!(found, expected);
    let metrics = broker.admin_get("/metrics").await.body;
    for (outcome, count) in [("published", 4), ("dead-lettered", 6)] {
        let labels = format!("{{topic=\"{topic}\",outcome=\"{outcome}\"}} {count}");
        let line = format!("tidegate_source_records_total{labels}");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn without_a_dead_letter_topic_they_are_dropped_and_a_passing_failure_is_none() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let broker = reading(&kafka, &topic, "").start().await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send(&topic, "alice", &["refuse", "once", "1"]).await;
    assert_eq!(messages(&mut alice, 2).await, ["once", "1"]);
    committed(&kafka, &topic, &[Some(3)]).await;
    let metrics = broker.admin_get("/metrics").await.body;
    for line in [
        format!("tidegate_source_records_total{{topic=\"{topic}\",outcome=\"dropped\"}} 1"),
        format!("tidegate_source_retries_total{{topic=\"{topic}\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
}

/// Probes fast enough for a test.
const QUICK: &str =
    "[redis]\nprobe_interval = \"200ms\"\nprobe_timeout = \"1s\"\nbackoff_max = \"500ms\"\n";

#[tokio::test]
async fn while_redis_is_away_nothing_is_read_and_afterwards_nothing_is_missing() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(2).await;
    let mut redis = Redis::start().await;
    let setup = reading(&kafka, &topic, QUICK).env("REDIS_URL", &redis.url());
    let broker = setup.start().await;
    let mut alice = listener(&broker, "alice").await;
    let pace = std::time::Duration::from_millis(2);
    let sending = kafka.stream(&topic, "alice", 2, 0..1_000, pace);
    let first = messages(&mut alice, 100).await;
    redis.kill();
    wait::until("its partitions are paused", async || {
        let paused = broker.metric("tidegate_kafka_paused_partitions").await;
        (paused == Some(2.0)).then_some(())
    })
    .await;
    sending.await.unwrap();
    redis.restart().await;

    let mut heard = first;
    let (rest, told) = messages_among_missed(&mut alice, 900).await;
    heard.extend(rest);
    assert!(told, "the client is told of the gap");
    for partition in 0..2 {
        let of_it = heard.iter().map(|text| text.parse::<i32>().unwrap());
        let of_it: Vec<_> = of_it.filter(|number| number % 2 == partition).collect();
        let sent: Vec<_> = (0..1_000)
            .filter(|number| number % 2 == partition)
            .collect();
        assert_eq!(of_it, sent, "in order, none missing, none twice");
    }
    committed(&kafka, &topic, &[Some(500), Some(500)]).await;
}
