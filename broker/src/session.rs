//! One connection's life. Knows no Redis and no Kafka.

mod answer;
mod commands;
mod config;
mod echo;
pub mod engineio;
mod pipeline;
mod rate;
mod read;
mod socket;
mod socketio;
mod websocket;

pub use config::{ForeignNode, SocketIoConfig};
pub use echo::run_echo;
pub use websocket::{WebSocketOptions, run};
