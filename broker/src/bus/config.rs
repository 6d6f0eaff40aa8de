//! Checked settings of the bus.

use std::path::PathBuf;
use std::time::Duration;

#[expect(
    clippy::large_enum_variant,
    reason = "there is one, made at start and taken apart"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusConfig {
    /// Publications stay in this process.
    Local,
    Redis(RedisConfig),
}

#[derive(Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// `redis://`, `rediss://` (TLS) or several, comma-separated, for a cluster (`sharded`).
    /// Holds a password: never logged.
    pub url: String,
    pub mode: BusMode,
    /// The channel that is read in every mode (`realtime`).
    pub channel: String,
    /// Prefix of the per-topic and sharded channels (`tidegate:topic:`).
    pub topic_channel_prefix: String,
    /// The channel of announcements between nodes (`tidegate:control`).
    pub control_channel: String,
    /// How often the probe publishes through Redis.
    pub probe_interval: Duration,
    /// A probe unheard for this long: the bus is not live.
    pub probe_timeout: Duration,
    /// Keep-alive PING on the subscriber; idle TCP is cut after minutes in some clouds.
    pub ping_interval: Duration,
    /// Reconnects wait between these two, doubled and jittered.
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// A connection to a Redis node, with its handshake, may take this long.
    pub connect_timeout: Duration,
    /// Redis must answer a command within this time, or the connection is made anew.
    pub command_timeout: Duration,
    /// The longest message that is read from Redis, in bytes.
    pub message_bytes: usize,
    /// PEM file of the authorities that `rediss://` trusts, in place of the system's.
    pub ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BusMode {
    /// One channel carries all.
    #[default]
    Broadcast,
    /// One Redis channel per topic, subscribed only while somebody listens.
    PerTopic,
    /// `SSUBSCRIBE` on a cluster.
    Sharded,
}

impl BusMode {
    /// Whether topics have Redis channels of their own beside the shared one.
    pub fn has_topic_channels(self) -> bool {
        self != Self::Broadcast
    }
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".to_owned(),
            mode: BusMode::Broadcast,
            channel: "realtime".to_owned(),
            topic_channel_prefix: "tidegate:topic:".to_owned(),
            control_channel: "tidegate:control".to_owned(),
            probe_interval: Duration::from_secs(2),
            probe_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(30),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(2),
            message_bytes: 1 << 20,
            ca_file: None,
        }
    }
}

impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfig")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
