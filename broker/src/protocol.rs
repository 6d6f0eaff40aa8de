//! Pure codecs: bytes to commands, events to bytes. No tokio, no sockets.

pub mod pubsub;
