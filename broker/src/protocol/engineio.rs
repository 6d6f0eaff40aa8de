//! Engine.IO, protocol revision 4: what carries Socket.IO over WebSocket and HTTP polling.
//!
//! Everything for a client is encoded as whole WebSocket frames, so that one queue serves both
//! transports: a WebSocket session writes the bytes, a polling session puts the packets inside them
//! into a [`Body`]. After the upgrade the rest of the queue goes out as it is.

mod handshake;
mod packet;
mod payload;
mod request;

pub use handshake::Handshake;
pub use packet::{Packet, PacketError};
pub use payload::{Body, Packets, packets};
pub use request::{MAX_SID_BYTES, Refusal, Request, Transport};

#[cfg(test)]
mod tests;
