//! One connection's bounded queue of ready frames and its slow-consumer policy. Knows no topics.

pub mod policy;

pub use policy::{SlowConsumer, TopicRule};
