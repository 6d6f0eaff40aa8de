//! What happens when a client reads slower than its topics speak.

use std::time::Duration;

use crate::topic::Pattern;

/// What a full outbox does with the publications of a topic. Each is counted, none is silent:
/// the client is closed with a code or told by MISSED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowConsumer {
    #[default]
    Disconnect,
    /// The oldest waiting publications of such topics make room.
    DropOldest,
    /// Only the newest publication of the topic waits, full or not.
    LatestOnly,
}

/// Settings of the topics that match a pattern (`[[topics]]`); the most specific pattern wins.
#[derive(Clone, Debug)]
pub struct TopicRule {
    pub pattern: Pattern,
    pub slow_consumer: SlowConsumer,
    /// How long publications may wait so that one write carries several; zero = not at all.
    pub coalesce: Duration,
}
