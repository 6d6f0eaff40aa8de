//! The little of RFC 6455 that a benchmark needs.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame's header, as far as it says where the payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub opcode: u8,
    /// Bytes before the payload, the mask's included.
    pub size: usize,
    pub mask: Option<[u8; 4]>,
    pub payload: usize,
}

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
pub fn accept_key(key: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finish())
}

/// The value of a header in a request or response head.
pub fn header_value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Where the head ends, its empty line included.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The header at the start of `bytes`, `None` if more bytes are needed to tell.
pub fn parse_header(bytes: &[u8]) -> Option<Header> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (mut size, payload) = match second & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let mask = if second & 0x80 == 0 {
        None
    } else {
        let mask = bytes.get(size..size + 4)?.try_into().ok()?;
        size += 4;
        Some(mask)
    };
    Some(Header {
        opcode: first & 0x0f,
        size,
        mask,
        payload,
    })
}

pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends a frame as a server sends it.
pub fn push_server_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a frame as a client sends it.
pub fn push_client_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_header(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], MASK);
}

/// Size of the server's frame for a payload of this size.
pub fn server_frame_size(payload: usize) -> usize {
    payload
        + if payload < 126 {
            2
        } else if payload <= 0xffff {
            4
        } else {
            10
        }
}

fn push_header(out: &mut Vec<u8>, opcode: u8, payload: usize, mask_bit: u8) {
    out.push(0x80 | opcode);
    match payload {
        0..126 => out.push(mask_bit | payload as u8),
        126..=0xffff => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_key_is_the_one_of_rfc_6455() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn a_client_frame_of_each_length_form_is_read_back() {
        for length in [0, 125, 126, 0xffff, 0x1_0000] {
            let payload = vec![b'x'; length];
            let mut frame = Vec::new();
            push_client_frame(&mut frame, TEXT, &payload);
            let header = parse_header(&frame).expect("whole header");
            assert_eq!((header.opcode, header.payload), (TEXT, length));
            let mut body = frame.split_off(header.size);
            apply_mask(&mut body, header.mask.expect("client frames are masked"));
            assert_eq!(body, payload);
            for cut in 0..header.size {
                assert_eq!(parse_header(&frame[..cut]), None);
            }
        }
    }
}
