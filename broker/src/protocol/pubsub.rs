//! The `/ws` protocol: Twitch PubSub's shapes and what Tidegate adds to them.

use bytes::BytesMut;

use crate::publication::Draft;

/// Appends the whole unmasked WebSocket text frame of a MESSAGE.
pub fn encode_message_frame(_draft: &Draft, _out: &mut BytesMut) {}
