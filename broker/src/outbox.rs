//! One connection's bounded queue of ready frames and its slow-consumer policy. Knows no topics.

pub mod connection;
pub mod policy;
mod queue;

pub use connection::{Connection, Ending};
pub use policy::{SlowConsumer, TopicRule};
pub use queue::{Outbox, Pushed, TopicTag};
