//! Kafka over TLS: librdkafka's own settings are all it takes.

use std::path::Path;

use tidegate_tests::certificate::Certificate;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::setup::Setup;

use crate::kafka::{committed, listener, messages, reading, relaying};

/// `localhost` may mean two addresses, of which Kafka listens on one.
fn trusting(ca: &Path) -> String {
    format!(
        "[kafka.properties]\n\"security.protocol\" = \"ssl\"\n\"ssl.ca.location\" = {:?}\n\
         \"broker.address.family\" = \"v4\"\n",
        ca.display().to_string()
    )
}

fn over_tls(kafka: &Kafka, topic: &str, settings: &str) -> Setup {
    reading(kafka, topic, "")
        .env("KAFKA_BROKERS", &kafka.tls_brokers())
        .settings(settings)
}

#[tokio::test]
async fn records_and_dead_letters_go_over_tls() {
    let kafka = Kafka::shared().await;
    let (topic, dead) = (kafka.topic(1).await, kafka.topic(1).await);
    let settings = relaying(&topic, &trusting(&kafka.ca())) + &format!("dead_letter = {dead:?}\n");
    let broker = over_tls(&kafka, &topic, &settings).start().await;
    let mut alice = listener(&broker, "alice").await;
    kafka.send(&topic, "alice", &["1", "refuse", "2"]).await;
    assert_eq!(messages(&mut alice, 2).await, ["1", "2"]);
    assert_eq!(kafka.read(&dead, 1).await.len(), 1);
    committed(&kafka, &topic, &[Some(3)]).await;
}

/// It serves its clients all the same, and says what is wrong.
#[tokio::test]
async fn a_kafka_that_is_not_to_be_trusted_is_not_read() {
    let kafka = Kafka::shared().await;
    let topic = kafka.topic(1).await;
    let other = Certificate::for_localhost();
    let settings = relaying(&topic, &trusting(&other.certificate()));
    let broker = over_tls(&kafka, &topic, &settings).start().await;
    broker
        .logged("the certificate is refused", |line| {
            line.contains("certificate verify failed") && line.contains("ssl.ca.location")
        })
        .await;
    assert_eq!(broker.get("/readyz").await.status, 200);
    assert_eq!(broker.metric("tidegate_kafka_partitions").await, Some(0.0));
}
