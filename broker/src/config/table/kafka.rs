use super::super::check;
use super::{Setting, bytes, count, duration, optional, text};

pub(super) const KAFKA: &[Setting] = &[
    Setting::new(
        "kafka.brokers",
        optional(|r| &mut r.kafka_brokers, check::kafka_brokers),
        "Kafka that `[[ingest]]` topics are read from: `host:port`, several with commas. Unset = records come from `POST /ingest/{topic}` alone.",
    )
    .env("KAFKA_BROKERS"),
    Setting::new(
        "kafka.group",
        text(|r| &mut r.kafka.group, check::not_empty),
        "The consumer group; nodes of one group share the partitions.",
    )
    .env("KAFKA_GROUP"),
    Setting::new(
        "kafka.username",
        optional(|r| &mut r.kafka.username, check::not_empty),
        "For SASL, which `security.protocol` and `sasl.mechanisms` in `[kafka.properties]` turn on.",
    )
    .env("KAFKA_USERNAME"),
    Setting::new(
        "kafka.password",
        optional(|r| &mut r.kafka.password, check::not_empty),
        "For SASL.",
    )
    .env("KAFKA_PASSWORD")
    .secret(),
    Setting::new(
        "kafka.batch_records",
        count(|r| &mut r.kafka.batch_records, 1, 10_000),
        "Records that a mapper is given in one call, at most.",
    ),
    Setting::new(
        "kafka.partition_records",
        count(|r| &mut r.kafka.partition_records, 1, 1_000_000),
        "Records of one partition in memory; at this many it is not read. At least `kafka.batch_records`.",
    ),
    Setting::new(
        "kafka.buffer_bytes",
        bytes(|r| &mut r.kafka.buffer_bytes, 1 << 16, 1 << 34),
        "Bytes of records in memory over all partitions; at this many nothing is read. librdkafka fetches ahead beside it (`queued.max.messages.kbytes`, 16 MiB).",
    ),
    Setting::new(
        "kafka.commit_interval",
        duration(|r| &mut r.kafka.commit_interval, 10, 60),
        "How often offsets are committed. What was read since is read again after a crash; listeners hear it once.",
    ),
];
