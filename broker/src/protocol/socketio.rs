//! Socket.IO, protocol revision 5, as a server speaks it: packets inside Engine.IO messages.
//!
//! JSON is checked and kept as its text, byte for byte; nothing is built of it to pass it on.

mod decoder;
mod encode;
mod header;
mod json;
mod packet;

pub use decoder::Decoder;
pub use encode::{
    put_ack, put_connect, put_connect_error, put_disconnect, put_event, put_publication,
};
pub use packet::{Args, DecodeError, Event, Kind, Packet, PacketLimits, is_reserved};

/// The namespace that every client may name by saying nothing.
pub const MAIN: &str = "/";

/// The longest namespace, in bytes, its query included.
pub const MAX_NAMESPACE_BYTES: usize = 255;

/// The most digits of an acknowledgement's id: the largest integers that JavaScript counts exactly.
pub const MAX_ACK_ID_DIGITS: usize = 16;

#[cfg(test)]
mod tests;
