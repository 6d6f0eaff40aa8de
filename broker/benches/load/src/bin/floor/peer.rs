//! One peer of the floor: its bytes in, answers and publications out.

use tidegate_load::websocket::{self, TEXT};

/// What is kept between reads: nothing but the bytes of a frame that is not whole.
#[derive(Default)]
pub struct Peer {
    upgraded: bool,
    listening: bool,
    partial: Vec<u8>,
}

#[derive(Default)]
pub struct Heard {
    pub answer: Vec<u8>,
    /// This was the peer's first LISTEN.
    pub listens: bool,
}

impl Peer {
    /// Appends what the peer published to `turn`. An error ends the connection.
    pub fn hear(
        &mut self,
        bytes: &mut [u8],
        frame_bytes: usize,
        turn: &mut Vec<u8>,
    ) -> Result<Heard, &'static str> {
        let mut heard = Heard::default();
        self.take_in(bytes, frame_bytes, turn, &mut heard)?;
        heard.listens &= !self.listening;
        self.listening |= heard.listens;
        Ok(heard)
    }

    fn take_in(
        &mut self,
        bytes: &mut [u8],
        frame_bytes: usize,
        turn: &mut Vec<u8>,
        heard: &mut Heard,
    ) -> Result<(), &'static str> {
        if self.partial.is_empty() && self.upgraded {
            let used = frames(bytes, frame_bytes, turn, heard)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut bytes = {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(bytes);
            whole
        };
        let mut used = 0;
        if !self.upgraded
            && let Some(end) = websocket::head_end(&bytes)
        {
            heard.answer = upgrade(&bytes[..end])?;
            self.upgraded = true;
            used = end;
        }
        if self.upgraded {
            used += frames(&mut bytes[used..], frame_bytes, turn, heard)?;
        }
        if used < bytes.len() {
            bytes.drain(..used);
            self.partial = bytes;
        }
        Ok(())
    }
}

fn upgrade(head: &[u8]) -> Result<Vec<u8>, &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "head is not text")?;
    let key = websocket::header_value(head, "sec-websocket-key").ok_or("no key")?;
    let accept = websocket::accept_key(key);
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )
    .into_bytes())
}

/// Answers how many bytes were whole frames.
fn frames(
    bytes: &mut [u8],
    frame_bytes: usize,
    turn: &mut Vec<u8>,
    heard: &mut Heard,
) -> Result<usize, &'static str> {
    let mut used = 0;
    while let Some(header) = websocket::parse_header(&bytes[used..]) {
        let start = used + header.size;
        let Some(end) = start
            .checked_add(header.payload)
            .filter(|end| *end <= bytes.len())
        else {
            break;
        };
        let payload = &mut bytes[start..end];
        websocket::apply_mask(payload, header.mask.ok_or("not masked")?);
        used = end;
        match header.opcode {
            TEXT => command(payload, frame_bytes, turn, heard),
            websocket::PING => {
                websocket::push_server_frame(&mut heard.answer, websocket::PONG, payload);
            }
            websocket::CLOSE => return Err("closed"),
            _ => {}
        }
    }
    Ok(used)
}

fn command(payload: &mut [u8], frame_bytes: usize, turn: &mut Vec<u8>, heard: &mut Heard) {
    const PUBLISH: &[u8] = br#"{"type":"PUBLISH""#;
    const MESSAGE: &[u8] = br#"{"type":"MESSAGE""#;
    if payload.starts_with(PUBLISH) {
        payload[..MESSAGE.len()].copy_from_slice(MESSAGE);
        push_message(turn, payload, frame_bytes);
        return;
    }
    heard.listens |= payload.starts_with(br#"{"type":"LISTEN""#);
    let nonce = nonce(payload);
    let response = format!(r#"{{"type":"RESPONSE","error":"","nonce":"{nonce}"}}"#);
    websocket::push_server_frame(&mut heard.answer, TEXT, response.as_bytes());
}

fn push_message(turn: &mut Vec<u8>, message: &[u8], frame_bytes: usize) {
    const ID: &[u8] = br#","id":"""#;
    let missing = frame_bytes.saturating_sub(websocket::server_frame_size(message.len()));
    let Some(zeros) = missing.checked_sub(ID.len()) else {
        return websocket::push_server_frame(turn, TEXT, message);
    };
    let (open, closing) = message.split_at(message.len().saturating_sub(2));
    let id = [&ID[..ID.len() - 1], &vec![b'0'; zeros], b"\""].concat();
    websocket::push_server_frame(turn, TEXT, &[open, &id, closing].concat());
}

fn nonce(payload: &[u8]) -> &str {
    const NONCE: &[u8] = br#""nonce":""#;
    websocket::find(payload, NONCE)
        .and_then(|at| std::str::from_utf8(&payload[at + NONCE.len()..]).ok())
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}
