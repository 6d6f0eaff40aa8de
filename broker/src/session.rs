//! One connection's life. Knows no Redis and no Kafka.

mod answer;
mod commands;
mod rate;
mod read;
pub mod websocket;

pub use websocket::{WebSocketOptions, run};
