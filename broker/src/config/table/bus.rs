use super::super::check;
use super::{HOUR, Kind, Setting, duration, optional, text};
use crate::bus::BusMode;

const MODES: [BusMode; 3] = [BusMode::Broadcast, BusMode::PerTopic, BusMode::Sharded];

pub(super) const REDIS: &[Setting] = &[
    Setting::new(
        "redis.url",
        optional(|r| &mut r.redis_url, check::redis_urls),
        "Redis that carries publications between nodes: `redis://…`, `rediss://…` (TLS), several for a cluster. Unset = publications stay in this process.",
    )
    .env("REDIS_URL")
    .secret(),
    Setting::new(
        "redis.mode",
        Kind::Choice {
            of: &["broadcast", "per-topic", "sharded"],
            get: |r| MODES.iter().position(|mode| *mode == r.redis.mode).unwrap_or(0),
            set: |r, index| r.redis.mode = MODES[index],
        },
        "`broadcast`: one channel carries all; `per-topic`: a channel a topic, subscribed while somebody listens; `sharded`: SSUBSCRIBE on a cluster.",
    ),
    Setting::new(
        "redis.channel",
        text(|r| &mut r.redis.channel, check::not_empty),
        "The channel that is read in every mode.",
    ),
    Setting::new(
        "redis.topic_channel_prefix",
        text(|r| &mut r.redis.topic_channel_prefix, check::not_empty),
        "Prefix of the channels of `per-topic` and `sharded`.",
    ),
    Setting::new(
        "redis.control_channel",
        text(|r| &mut r.redis.control_channel, check::not_empty),
        "The channel on which nodes tell each other of ended sessions; nodes that share it trust each other. Not `redis.channel`.",
    ),
    Setting::new(
        "redis.probe_interval",
        duration(|r| &mut r.redis.probe_interval, 10, HOUR),
        "How often the probe behind `/readyz` publishes through Redis.",
    ),
    Setting::new(
        "redis.probe_timeout",
        duration(|r| &mut r.redis.probe_timeout, 10, HOUR),
        "A probe unheard for this long: not ready. At least `redis.probe_interval`.",
    ),
    Setting::new(
        "redis.ping_interval",
        duration(|r| &mut r.redis.ping_interval, 10, HOUR),
        "Keep-alive PING on the subscriber's connection.",
    ),
    Setting::new(
        "redis.backoff_min",
        duration(|r| &mut r.redis.backoff_min, 1, HOUR),
        "The first wait before a reconnect; doubled and jittered after it.",
    ),
    Setting::new(
        "redis.backoff_max",
        duration(|r| &mut r.redis.backoff_max, 1, HOUR),
        "The longest wait before a reconnect.",
    ),
];
