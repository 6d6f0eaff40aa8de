mod binary;
mod connect;
mod events;
mod properties;
mod publications;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::protocol::frame::{self, Opcode};

const LIMITS: PacketLimits = PacketLimits {
    attachments: 10,
    bytes: 1000,
};

/// Reads a packet without attachments.
fn read(text: &str) -> Result<Packet<'_>, DecodeError> {
    let packet = Decoder::default().text(text, LIMITS)?;
    Ok(packet.expect("no attachments to wait for"))
}

/// Reads a text message and the attachments behind it.
fn read_all(text: &str, binary: &[&[u8]]) -> Result<Packet<'static>, DecodeError> {
    let mut decoder = Decoder::default();
    let mut packet = decoder.text(text, LIMITS)?.map(Packet::into_owned);
    for data in binary {
        assert_eq!(packet, None, "attachments are missing");
        packet = decoder.binary(Cow::Borrowed(data), LIMITS)?;
    }
    assert!(!decoder.is_pending());
    Ok(packet.expect("whole"))
}

fn event(packet: Packet<'_>) -> Event<'_> {
    match packet.kind {
        Kind::Event(event) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn list(args: &Args<'_>) -> Vec<String> {
    args.list().iter().map(|arg| arg.get().to_owned()).collect()
}

fn connect<'a>(namespace: &'a str, auth: Option<&'a str>) -> Packet<'a> {
    Packet {
        namespace: namespace.into(),
        kind: Kind::Connect {
            query: None,
            auth: auth.map(Cow::Borrowed),
        },
    }
}

/// What a client reads: text messages, binary ones as `<n bytes>`.
fn sent(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::from(&b"\x81\x016"[..]);
    write(&mut out);
    let messages: Vec<String> = frame::server_frames(&out)
        .skip(1)
        .map(|frame| match frame.opcode {
            Opcode::Text => String::from_utf8(frame.payload.to_vec()).expect("text"),
            _ => format!("<{} bytes>", frame.payload.len()),
        })
        .collect();
    messages.join(" ")
}
