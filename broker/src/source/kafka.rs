//! Records from Kafka, as a member of a consumer group.
//!
//! | from | to | in |
//! |---|---|---|
//! | settings | librdkafka's properties | `client` |
//! | librdkafka's events | records in memory, rebalances | `consumer`, `context` |
//! | records of a partition | what is done with them next | `partitions`, `step` |
//! | an error for good | a new consumer | `member` |
//! | librdkafka's complaints | lines in the log | `troubles` |
//! | what a step publishes | heard back, dead-lettered | `carry`, `dead_letter` |

mod carry;
mod client;
mod consumer;
mod context;
mod dead_letter;
mod member;
mod partitions;
mod step;
mod troubles;

pub use client::check_properties;
pub(super) use consumer::Links;
pub(super) use member::Member;
