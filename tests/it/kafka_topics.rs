//! Several topics at once, and their mappers replaced while records flow.

use std::time::Duration;

use tidegate_tests::kafka::Kafka;
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;
use tidegate_tests::{artifacts, wait};

use crate::kafka::{listener, messages};

/// Settings that read these topics, each by its mapper.
fn reads(kafka: &Kafka, group: &str, rules: &[(&str, &str)], more: &str) -> Setup {
    let relay = artifacts::guest("relay").display().to_string();
    let mut settings =
        format!("{more}\n[plugin.relay]\ncomponent = {relay:?}\npublisher = [\"user:*:**\"]\n");
    for (topic, mapper) in rules {
        settings += &format!("[[ingest]]\ntopic = {topic:?}\nmapper = {mapper:?}\n");
    }
    Setup::new()
        .env("KAFKA_BROKERS", &kafka.brokers())
        .env("KAFKA_GROUP", group)
        .settings(&settings)
}

#[tokio::test]
async fn topics_have_mappers_of_their_own_or_share_one() {
    let kafka = Kafka::shared().await;
    let (first, second, third) = (
        kafka.topic(1).await,
        kafka.topic(2).await,
        kafka.topic(1).await,
    );
    let rules = [
        (first.as_str(), "relay"),
        (second.as_str(), "notifications"),
        (third.as_str(), "relay"),
    ];
    let broker = reads(&kafka, &first, &rules, "").start().await;
    let mut clients = Vec::new();
    for user in ["ann", "bob", "carl"] {
        clients.push(listener(&broker, user).await);
    }
    // Only the guest knows the word "twice"; only the plugin looks into the value.
    let values: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let nested = [r#"{"n":1}"#, "\"twice\""];
    tokio::join!(
        kafka.send(&first, "ann", &values),
        kafka.send(&second, "bob", &nested),
        kafka.send(&third, "carl", &["twice", "3"]),
    );
    assert_eq!(messages(&mut clients[0], 200).await, values);
    assert_eq!(messages(&mut clients[1], 2).await, [r#"{"n":1}"#, "twice"]);
    assert_eq!(messages(&mut clients[2], 3).await, ["1", "2", "3"]);
    for client in &mut clients {
        client.expect_nothing_before_pong().await;
    }
    let expected = [(&first, 200, 1), (&second, 2, 2), (&third, 2, 1)];
    for (topic, records, partitions) in expected {
        let line = format!(
            "tidegate_source_records_total{{topic=\"{topic}\",outcome=\"published\"}} {records}"
        );
        wait::until("its records are done with", async || {
            let metrics = broker.admin_get("/metrics").await.body;
            let counted = metrics.contains(&line);
            let commits = kafka.committed(&first, topic, partitions).await;
            let sum: i64 = commits.into_iter().flatten().sum();
            (counted && sum == i64::from(records)).then_some(())
        })
        .await;
    }
}

/// Its settings change, many times, in mid-stream.
#[tokio::test]
async fn a_mapper_is_reloaded_while_records_flow() {
    const RECORDS: i32 = 5_000;
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(4).await;
    let plugins = Plugins::new();
    let setup = reads(&kafka, &topic, &[(&topic, "notifications")], "");
    let setup = setup.env("TIDEGATE_PLUGINS", plugins.path());
    let broker = setup.start().await;
    let mut alice = listener(&broker, "alice").await;
    let pace = Duration::from_millis(1);
    let sending = kafka.stream(&topic, "alice", 4, 0..RECORDS, pace);
    let settings = String::from_utf8(plugins.read("notifications.toml")).unwrap();
    let reloading = async {
        for round in 1..=3 {
            // What only looks different is no change.
            let most = format!("recipients_max = {}", 1_000 + round);
            let changed = settings.replace("recipients_max = 1000", &most);
            assert_ne!(changed, settings);
            plugins.write("notifications.toml", &changed);
            wait::until("the reload has switched", async || {
                let metrics = broker.admin_get("/metrics").await.body;
                let generation = metrics.lines().find_map(|line| {
                    let rest = line.strip_prefix("tidegate_plugin_generation{")?;
                    let (labels, value) = rest.split_once("} ")?;
                    labels.contains("\"notifications\"").then_some(value)
                });
                let found: f64 = generation?.parse().ok()?;
                (found > f64::from(round)).then_some(())
            })
            .await;
        }
    };
    let hearing = async {
        let mut next = [0, 1, 2, 3];
        for _ in 0..RECORDS {
            let number: i32 = alice.message().await.1.parse().unwrap();
            let place = usize::try_from(number % 4).unwrap();
            assert_eq!(number, next[place], "of partition {place}");
            next[place] += 4;
        }
    };
    let begun = tokio::time::Instant::now();
    let reloaded = async {
        reloading.await;
        begun.elapsed()
    };
    let (took, ()) = tokio::join!(reloaded, hearing);
    let all = begun.elapsed();
    assert!(took < all, "reloads took {took:?}, records {all:?}");
    sending.await.unwrap();
    alice.expect_nothing_before_pong().await;
    let records = broker.metric("tidegate_source_records_total").await;
    assert_eq!(records, Some(f64::from(RECORDS)));
}
