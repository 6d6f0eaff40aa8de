//! WebSocket frame headers (RFC 6455 §5.2), as a server reads and writes them.
//!
//! Our own instead of `fastwebsockets`' reader: that one allocates per reader, is not
//! cancel-safe, takes unmasked frames and caps only single frames. The Autobahn cases and
//! independent clients hold ours to the standard (`tests/`).

use bytes::{BufMut, Bytes, BytesMut};

use super::close::CloseCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn parse(nibble: u8) -> Result<Self, FrameError> {
        match nibble {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            _ => Err(FrameError::Protocol),
        }
    }

    const fn nibble(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// RFC 6455 is broken: reserved bits or opcodes, an unmasked frame, a bad fragment order.
    Protocol,
    /// A frame or message above its limit.
    TooBig,
    /// Text that is not UTF-8.
    InvalidText,
}

impl FrameError {
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Protocol => CloseCode::ProtocolError,
            Self::TooBig => CloseCode::TooBig,
            Self::InvalidText => CloseCode::InvalidText,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub fin: bool,
    pub opcode: Opcode,
    pub mask: [u8; 4],
    /// Bytes of the header itself.
    pub size: usize,
    /// Bytes of the payload.
    pub length: usize,
}

/// Reads a client frame's header; `None` = more bytes are needed. A payload above `max_payload`
/// is refused before it arrives.
pub fn parse_header(bytes: &[u8], max_payload: usize) -> Result<Option<Header>, FrameError> {
    let &[first, second, ref rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(FrameError::Protocol);
    }
    let fin = first & 0x80 != 0;
    let opcode = Opcode::parse(first & 0x0F)?;
    let short = usize::from(second & 0x7F);
    if opcode.is_control() && (!fin || short > 125) {
        return Err(FrameError::Protocol);
    }
    let (length, extended) = match short {
        126 => match rest.first_chunk::<2>() {
            Some(long) => (u64::from(u16::from_be_bytes(*long)), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(long) => (u64::from_be_bytes(*long), 8),
            None => return Ok(None),
        },
        short => (short as u64, 0),
    };
    if length >> 63 != 0 {
        return Err(FrameError::Protocol);
    }
    let length = usize::try_from(length).map_err(|_| FrameError::TooBig)?;
    if length > max_payload {
        return Err(FrameError::TooBig);
    }
    let Some(mask) = rest
        .get(extended..)
        .and_then(|rest| rest.first_chunk::<4>())
    else {
        return Ok(None);
    };
    Ok(Some(Header {
        fin,
        opcode,
        mask: *mask,
        size: 2 + extended + 4,
        length,
    }))
}

/// Removes (or applies) a mask that starts at the first byte of `payload`.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let word = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Some(eight) = chunk.first_chunk_mut::<8>() {
            *eight = (u64::from_ne_bytes(*eight) ^ word).to_ne_bytes();
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// The longest header of a server frame.
pub const MAX_SERVER_HEADER: usize = 10;

/// Appends the header of a whole, unmasked server frame.
pub fn put_header(opcode: Opcode, length: usize, out: &mut BytesMut) {
    out.put_u8(0x80 | opcode.nibble());
    match length {
        0..=125 => out.put_u8(length as u8),
        126..=0xFFFF => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
}

/// Appends a whole text frame whose length is known only when `write` has appended its text.
pub fn put_text(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_bytes(0, MAX_SERVER_HEADER);
    write(out);
    let text = start + MAX_SERVER_HEADER;
    let length = out.len() - text;
    let mut header = BytesMut::with_capacity(MAX_SERVER_HEADER);
    put_header(Opcode::Text, length, &mut header);
    let gap = MAX_SERVER_HEADER - header.len();
    out.copy_within(text.., text - gap);
    out[start..start + header.len()].copy_from_slice(&header);
    out.truncate(out.len() - gap);
}

/// A whole frame as a server sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerFrame<'a> {
    pub opcode: Opcode,
    pub payload: &'a [u8],
    /// Bytes of header and payload.
    pub size: usize,
}

/// The frames in bytes that this module encoded; ends at the first that is not whole.
pub fn server_frames(mut bytes: &[u8]) -> impl Iterator<Item = ServerFrame<'_>> {
    std::iter::from_fn(move || {
        let frame = server_frame(bytes)?;
        bytes = bytes.get(frame.size..)?;
        Some(frame)
    })
}

fn server_frame(bytes: &[u8]) -> Option<ServerFrame<'_>> {
    let &[first, short, ref rest @ ..] = bytes else {
        return None;
    };
    let (length, header) = match short {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let size = usize::try_from(length).ok()?.checked_add(header)?;
    Some(ServerFrame {
        opcode: Opcode::parse(first & 0x0F).ok()?,
        payload: bytes.get(header..size)?,
        size,
    })
}

/// A whole server frame.
pub fn encode(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(MAX_SERVER_HEADER + payload.len());
    put_header(opcode, payload.len(), &mut out);
    out.put_slice(payload);
    out.freeze()
}

/// A close frame with its code and reason.
pub fn encode_close(code: CloseCode) -> Bytes {
    let mut payload = [0u8; 125];
    let reason = code.reason().as_bytes();
    payload[..2].copy_from_slice(&code.code().to_be_bytes());
    payload[2..2 + reason.len()].copy_from_slice(reason);
    encode(Opcode::Close, &payload[..2 + reason.len()])
}

/// Whether a peer may send this close code (RFC 6455 §7.4).
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_read_at_every_length() {
        // FIN text, masked, 5 bytes, mask 01020304.
        let header = parse_header(&[0x81, 0x85, 1, 2, 3, 4, 0], 100);
        let expected = Header {
            fin: true,
            opcode: Opcode::Text,
            mask: [1, 2, 3, 4],
            size: 6,
            length: 5,
        };
        assert_eq!(header, Ok(Some(expected)));
        for cut in 0..6 {
            assert_eq!(
                parse_header(&[0x81, 0x85, 1, 2, 3, 4][..cut], 100),
                Ok(None)
            );
        }
    }

    #[test]
    fn what_a_client_must_not_send_is_refused() {
        let protocol = Err(FrameError::Protocol);
        assert_eq!(parse_header(&[0x81, 0x05], 100), protocol, "unmasked");
        assert_eq!(parse_header(&[0xC1, 0x85], 100), protocol, "reserved bit");
        assert_eq!(
            parse_header(&[0x83, 0x85], 100),
            protocol,
            "reserved opcode"
        );
        assert_eq!(
            parse_header(&[0x09, 0x80], 100),
            protocol,
            "fragmented ping"
        );
        assert_eq!(parse_header(&[0x89, 0xFE], 100), protocol, "long ping");
        let huge = [0x82, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            parse_header(&huge, usize::MAX),
            protocol,
            "top bit of the length"
        );
        assert_eq!(
            parse_header(&[0x82, 0xFE, 0, 101], 100),
            Err(FrameError::TooBig)
        );
    }

    proptest! {
        #[test]
        fn server_frames_are_found_again(sizes in proptest::collection::vec(0usize..70_000, 0..4), cut in 0usize..9) {
            let payloads: Vec<Vec<u8>> = sizes.iter().map(|size| vec![b'x'; *size]).collect();
            let mut bytes = BytesMut::new();
            for payload in &payloads {
                put_text(&mut bytes, |out| out.put_slice(payload));
            }
            bytes.put_slice(&encode(Opcode::Binary, b"unfinished")[..cut]);
            let found: Vec<&[u8]> = server_frames(&bytes).map(|frame| frame.payload).collect();
            prop_assert_eq!(found, payloads);
        }

        #[test]
        fn arbitrary_server_bytes_never_panic(bytes: Vec<u8>) {
            let _ = server_frames(&bytes).count();
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, max in 0usize..70_000) {
            let _ = parse_header(&bytes, max);
        }

        #[test]
        fn unmasking_twice_is_nothing(payload: Vec<u8>, mask: [u8; 4]) {
            let mut masked = payload.clone();
            unmask(&mut masked, mask);
            for (at, byte) in masked.iter().enumerate() {
                prop_assert_eq!(*byte, payload[at] ^ mask[at % 4]);
            }
            unmask(&mut masked, mask);
            prop_assert_eq!(masked, payload);
        }
    }
}
