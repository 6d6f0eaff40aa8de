//! One connection's life. Knows no Redis and no Kafka.

mod answer;
mod commands;
mod echo;
mod pipeline;
mod rate;
mod read;
mod socket;
mod websocket;

pub use echo::run_echo;
pub use websocket::{WebSocketOptions, run};
