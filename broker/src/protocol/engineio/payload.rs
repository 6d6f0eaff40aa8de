//! Polling bodies: packets with U+001E between them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::{BufMut, Bytes, BytesMut};

use super::{Packet, PacketError};
use crate::protocol::frame::{self, Opcode};

const SEPARATOR: u8 = 0x1E;

/// The packets of a POST's body, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: Option<&'a str>,
}

/// Reads a body, whose size the caller has bounded. A leading, trailing or doubled separator is an
/// empty packet, which is an error, and so is an empty body.
pub fn packets(body: &[u8]) -> Result<Packets<'_>, PacketError> {
    let text = std::str::from_utf8(body).map_err(|_| PacketError::Utf8)?;
    Ok(Packets { rest: Some(text) })
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let packet = match text.split_once(char::from(SEPARATOR)) {
            Some((first, rest)) => {
                self.rest = Some(rest);
                Packet::from_text(first)
            }
            None => Packet::from_text(text),
        };
        if packet.is_err() {
            self.rest = None;
        }
        Some(packet)
    }
}

/// Collects the answer to a polling GET out of encoded frames.
#[derive(Debug)]
pub struct Body {
    bytes: BytesMut,
    max: usize,
}

impl Body {
    /// A body of at most `max` bytes; a single packet that is larger goes alone, for it could
    /// never go otherwise.
    pub fn new(max: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            max,
        }
    }

    /// Takes as many of these whole server frames as fit; answers how many *bytes* of `frames`
    /// those were. Less than all means that the body is full. Text frames hold their packet as it
    /// is, binary ones become base64; a WebSocket's own control frames are passed over.
    pub fn push_frames(&mut self, frames: &[u8]) -> usize {
        let mut taken = 0;
        for frame in frame::server_frames(frames) {
            let size = match frame.opcode {
                Opcode::Text => frame.payload.len(),
                Opcode::Binary => 1 + frame.payload.len().div_ceil(3) * 4,
                _ => 0,
            };
            if size > 0 {
                if !self.bytes.is_empty() {
                    if self.bytes.len() + 1 + size > self.max {
                        break;
                    }
                    self.bytes.put_u8(SEPARATOR);
                }
                self.put(frame.opcode, frame.payload, size);
            }
            taken += frame.size;
        }
        taken
    }

    fn put(&mut self, opcode: Opcode, payload: &[u8], size: usize) {
        if opcode == Opcode::Text {
            return self.bytes.put_slice(payload);
        }
        self.bytes.put_u8(b'b');
        let start = self.bytes.len();
        self.bytes.resize(start + size - 1, 0);
        // The room is what padded base64 needs: it cannot fail.
        let _ = BASE64_STANDARD.encode_slice(payload, &mut self.bytes[start..]);
    }

    /// No packet yet: the GET has to wait.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }
}
