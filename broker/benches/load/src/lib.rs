//! What the floor and the load generator share: readiness, and WebSocket frames by hand, so that
//! neither pays for a runtime or a library that the other side of the comparison would not.

pub mod poll;
pub mod websocket;
