//! Pure codecs: bytes to commands, events to bytes. No tokio, no sockets.

pub mod close;
pub mod engineio;
pub mod frame;
pub mod message;
pub mod pubsub;
pub mod socketio;
