//! Publications between nodes. Knows nothing of clients: it delivers to workers' inboxes.

pub mod config;
pub mod inbox;

pub use config::{BusConfig, BusMode, RedisConfig};
pub use inbox::{Inbox, InboxSender, Missed, inbox};
