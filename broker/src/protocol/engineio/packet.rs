use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::{BufMut, Bytes, BytesMut};

use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, Opcode};

/// A packet of either direction; [`Packet::is_for_server`] tells what a client may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the handshake's answer, a JSON object ([`super::Handshake`]).
    Open(&'a str),
    /// `1`
    Close,
    /// `2` is the server's heartbeat, `2probe` the client's question on a candidate WebSocket.
    Ping { probe: bool },
    /// `3` answers the heartbeat, `3probe` the probe.
    Pong { probe: bool },
    /// `4`: text. On polling U+001E separates packets, so text with it only goes over WebSocket;
    /// JSON has none.
    Message(&'a str),
    /// A binary WebSocket message; in text `b` and padded standard base64.
    Binary(Cow<'a, [u8]>),
    /// `5`
    Upgrade,
    /// `6`
    Noop,
}

/// Why bytes are no packet. The connection ends: WebSocket closed, POST answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("the packet is empty")]
    Empty,
    #[error("unknown packet type {0:?}")]
    UnknownType(char),
    /// `1x`, `2x` that is not `2probe`, `3x` that is not `3probe`, `5x`, `6x`.
    #[error("a packet of type {0} with data that it cannot have")]
    UnexpectedData(char),
    #[error("binary data that is not padded standard base64")]
    Base64,
    #[error("the text is not UTF-8")]
    Utf8,
}

impl PacketError {
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Utf8 => CloseCode::InvalidText,
            _ => CloseCode::ProtocolError,
        }
    }
}

impl<'a> Packet<'a> {
    /// Reads a WebSocket text message or one packet of a polling body. Clients with `forceBase64`
    /// send `b` over WebSocket too.
    pub fn from_text(text: &'a str) -> Result<Self, PacketError> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(PacketError::Empty)?;
        let data = rest.as_str();
        let packet = match (kind, data) {
            ('0', json) => Self::Open(json),
            ('1', "") => Self::Close,
            ('2', "") => Self::Ping { probe: false },
            ('2', "probe") => Self::Ping { probe: true },
            ('3', "") => Self::Pong { probe: false },
            ('3', "probe") => Self::Pong { probe: true },
            ('4', text) => Self::Message(text),
            ('5', "") => Self::Upgrade,
            ('6', "") => Self::Noop,
            ('b', base64) => {
                let bytes = BASE64_STANDARD.decode(base64);
                Self::Binary(Cow::Owned(bytes.map_err(|_| PacketError::Base64)?))
            }
            ('1'..='6', _) => return Err(PacketError::UnexpectedData(kind)),
            _ => return Err(PacketError::UnknownType(kind)),
        };
        Ok(packet)
    }

    /// Reads a WebSocket binary message, which carries no type.
    pub const fn from_binary(bytes: &'a [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }

    /// Whether a client may send it. `2` without `probe` is "invalid heartbeat direction": since
    /// revision 4 the server asks and the client answers. What of this fits the moment (a probe
    /// only on a candidate for the upgrade) only the session knows.
    pub const fn is_for_server(&self) -> bool {
        match self {
            Self::Ping { probe } => *probe,
            Self::Pong { probe } => !*probe,
            Self::Close | Self::Message(_) | Self::Binary(_) | Self::Upgrade => true,
            Self::Open(_) | Self::Noop => false,
        }
    }

    /// Appends the whole WebSocket frame.
    pub fn put_frame(&self, out: &mut BytesMut) {
        let (kind, data) = match self {
            Self::Open(json) => ("0", *json),
            Self::Close => ("1", ""),
            Self::Ping { probe: false } => ("2", ""),
            Self::Ping { probe: true } => ("2probe", ""),
            Self::Pong { probe: false } => ("3", ""),
            Self::Pong { probe: true } => ("3probe", ""),
            Self::Message(text) => ("4", *text),
            Self::Upgrade => ("5", ""),
            Self::Noop => ("6", ""),
            Self::Binary(bytes) => {
                frame::put_header(Opcode::Binary, bytes.len(), out);
                return out.put_slice(bytes);
            }
        };
        frame::put_header(Opcode::Text, kind.len() + data.len(), out);
        out.put_slice(kind.as_bytes());
        out.put_slice(data.as_bytes());
    }

    /// The whole WebSocket frame.
    pub fn frame(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.put_frame(&mut out);
        out.freeze()
    }
}
