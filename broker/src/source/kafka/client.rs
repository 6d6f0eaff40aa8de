//! The properties that librdkafka is given.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use crate::source::config::KafkaConfig;

/// What this source relies on; each with the setting to use in its place.
const OURS: [(&str, &str); 8] = [
    ("bootstrap.servers", "kafka.brokers (KAFKA_BROKERS) sets it"),
    (
        "metadata.broker.list",
        "kafka.brokers (KAFKA_BROKERS) sets it",
    ),
    ("group.id", "kafka.group (KAFKA_GROUP) sets it"),
    ("auto.commit.interval.ms", "kafka.commit_interval sets it"),
    (
        "enable.auto.commit",
        "offsets are committed when their publications were heard",
    ),
    (
        "enable.auto.offset.store",
        "offsets are stored when their publications were heard",
    ),
    ("acks", "dead letters are acknowledged by all replicas"),
    (
        "enable.partition.eof",
        "the end of a partition is no event here",
    ),
];

/// Only these mean something to a producer as well.
const SHARED: [&str; 13] = [
    "api.",
    "broker.",
    "client.",
    "connections.",
    "debug",
    "enable.ssl",
    "log",
    "metadata.",
    "reconnect.",
    "resolve",
    "sasl.",
    "socket.",
    "ssl.",
];

/// What is wrong with the properties, each with its name.
pub fn check_properties(properties: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let wrong = |(name, value): (&String, &String)| {
        if let Some((_, why)) = OURS.iter().find(|(ours, _)| ours == name) {
            return Some((name.clone(), (*why).to_owned()));
        }
        let mut config = ClientConfig::new();
        config.set(name, value);
        let error = config.create_native_config().err()?;
        let what = match error {
            // The text names the value, which may be a secret.
            KafkaError::ClientConfig(_, what, ..) if what.contains("No such") => {
                "is no property of librdkafka".to_owned()
            }
            _ => "librdkafka does not take its value".to_owned(),
        };
        Some((name.clone(), what))
    };
    properties.iter().filter_map(wrong).collect()
}

/// A consumer's properties.
pub(super) fn consumer(config: &KafkaConfig, node_id: &str) -> ClientConfig {
    let mut client = common(config, node_id);
    client
        .set("group.id", &config.group)
        // Nothing uncommitted is skipped, a new partition's first records neither.
        .set("auto.offset.reset", "earliest")
        .set("statistics.interval.ms", "2000")
        // A topic that is made later is found within this time.
        .set("topic.metadata.refresh.interval.ms", "30000")
        // Of what is fetched ahead, a pause drops and a resume fetches again.
        .set("queued.max.messages.kbytes", "16384");
    let protocol = config.properties.get("group.protocol");
    if protocol.is_none_or(|protocol| protocol == "classic") {
        client
            .set("partition.assignment.strategy", "cooperative-sticky")
            // A node that was killed is noticed after it.
            .set("session.timeout.ms", "10000");
    }
    client.extend(config.properties.clone());
    client
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false")
        .set(
            "auto.commit.interval.ms",
            config.commit_interval.as_millis().to_string(),
        );
    client
}

/// The properties of the producer of dead letters.
pub(super) fn producer(config: &KafkaConfig, node_id: &str) -> ClientConfig {
    let mut client = common(config, node_id);
    let shared = config.properties.iter().filter(|(name, _)| {
        SHARED.iter().any(|prefix| name.starts_with(prefix)) || *name == "security.protocol"
    });
    client.extend(shared.map(|(name, value)| (name.clone(), value.clone())));
    client
        .set("acks", "all")
        .set("message.timeout.ms", "30000")
        // What could be read is not refused here; whether the topic takes it, its brokers say.
        .set("message.max.bytes", "1000000000")
        .set("linger.ms", "0");
    client
}

fn common(config: &KafkaConfig, node_id: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", format!("tidegate-{node_id}"))
        .set("log.connection.close", "false")
        .set("socket.keepalive.enable", "true")
        .set_log_level(RDKafkaLogLevel::Info);
    if let Some(username) = &config.username {
        client.set("sasl.username", username);
    }
    if let Some(password) = &config.password {
        client.set("sasl.password", password);
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_properties_are_named_and_values_are_not_shown() {
        let properties = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
            ("group.id", "other"),
            ("sesion.timeout.ms", "6000"),
            ("session.timeout.ms", "s3cr3t"),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wrong = check_properties(&properties.into());
        let names: Vec<_> = wrong.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["group.id", "sesion.timeout.ms", "session.timeout.ms"]
        );
        assert!(wrong[0].1.contains("kafka.group"), "{}", wrong[0].1);
        assert!(wrong[1].1.contains("no property"), "{}", wrong[1].1);
        assert!(!wrong[2].1.contains("s3cr3t"), "{}", wrong[2].1);
    }

    #[test]
    fn properties_go_over_the_defaults_and_only_those_of_both_to_the_producer() {
        let mut config = KafkaConfig {
            brokers: "a:1,b:2".to_owned(),
            username: Some("me".to_owned()),
            ..KafkaConfig::default()
        };
        for (name, value) in [
            ("session.timeout.ms", "6000"),
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/ca.pem"),
        ] {
            config.properties.insert(name.to_owned(), value.to_owned());
        }
        let consumer = consumer(&config, "n");
        for (name, value) in [
            ("session.timeout.ms", "6000"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("enable.auto.offset.store", "false"),
            ("sasl.username", "me"),
        ] {
            assert_eq!(consumer.get(name), Some(value), "{name}");
        }
        assert!(consumer.create_native_config().is_ok());
        let producer = producer(&config, "n");
        assert_eq!(producer.get("session.timeout.ms"), None);
        assert_eq!(producer.get("ssl.ca.location"), Some("/ca.pem"));
        assert_eq!(producer.get("security.protocol"), Some("ssl"));

        config
            .properties
            .insert("group.protocol".to_owned(), "consumer".to_owned());
        config.properties.remove("session.timeout.ms");
        let next = super::consumer(&config, "n");
        assert_eq!(next.get("session.timeout.ms"), None);
        assert_eq!(next.get("partition.assignment.strategy"), None);
    }
}
