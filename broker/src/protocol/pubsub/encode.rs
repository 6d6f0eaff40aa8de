use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ErrorCode;
use crate::protocol::frame::{self, Opcode};

/// Appends the whole frame of a MESSAGE. `payload` is JSON text without white space around it: a
/// JSON string goes into `message` as it is, anything else as its text in a string.
pub fn put_message_frame(
    topic: &str,
    event: Option<&str>,
    id: &str,
    payload: &[u8],
    out: &mut BytesMut,
) {
    frame::put_text(out, |out| {
        out.put_slice(br#"{"type":"MESSAGE","data":{"topic":""#);
        // The topic grammar has no character that JSON escapes.
        out.put_slice(topic.as_bytes());
        out.put_slice(br#"","message":"#);
        if payload.starts_with(b"\"") {
            out.put_slice(payload);
        } else {
            put_quoted(payload, out);
        }
        if let Some(event) = event {
            out.put_slice(br#","event":"#);
            put_json(event, out);
        }
        out.put_slice(br#","id":"#);
        put_json(id, out);
        out.put_slice(b"}}");
    });
}

fn put_json(value: &(impl Serialize + ?Sized), out: &mut BytesMut) {
    // A string or a number cannot fail to serialize, nor a buffer to grow.
    let _ = serde_json::to_writer(out.writer(), value);
}

/// Appends JSON text as a JSON string. It holds no control characters but white space, for in its
/// own strings they are escaped already.
fn put_quoted(json: &[u8], out: &mut BytesMut) {
    out.reserve(json.len() + 2);
    out.put_u8(b'"');
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| escape(*byte).is_some()) {
        let (plain, special) = rest.split_at(at);
        out.put_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        out.put_slice(escape(*byte).unwrap_or_default());
        rest = after;
    }
    out.put_slice(rest);
    out.put_u8(b'"');
}

const fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'"' => Some(br#"\""#),
        b'\\' => Some(br"\\"),
        b'\n' => Some(br"\n"),
        b'\r' => Some(br"\r"),
        b'\t' => Some(br"\t"),
        _ => None,
    }
}

fn text_frame(text: &str) -> Bytes {
    frame::encode(Opcode::Text, text.as_bytes())
}

pub fn pong() -> Bytes {
    text_frame(r#"{"type":"PONG"}"#)
}

pub fn reconnect() -> Bytes {
    text_frame(r#"{"type":"RECONNECT"}"#)
}

/// Fields in the order of Twitch's own answers.
#[derive(Serialize)]
struct Response<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: &'static str,
    nonce: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// A RESPONSE without data.
pub fn response(nonce: &str, error: ErrorCode) -> Bytes {
    encode_response(nonce, error, None)
}

/// A RESPONSE with `data`, JSON text.
pub fn response_with(nonce: &str, error: ErrorCode, data: &RawValue) -> Bytes {
    encode_response(nonce, error, Some(data))
}

fn encode_response(nonce: &str, error: ErrorCode, data: Option<&RawValue>) -> Bytes {
    let response = Response {
        kind: "RESPONSE",
        error: error.as_str(),
        nonce,
        data,
    };
    text_frame(&serde_json::to_string(&response).unwrap_or_default())
}

/// An event that is no answer; `type` first, as Twitch writes it.
#[derive(Serialize)]
struct Event<D> {
    #[serde(rename = "type")]
    kind: &'static str,
    data: D,
}

#[derive(Serialize)]
struct Revoked<'a> {
    topics: &'a [&'a str],
}

#[derive(Serialize)]
struct Welcome<'a> {
    session_id: &'a str,
    keepalive_seconds: u64,
}

#[derive(Serialize)]
struct Missed<'a> {
    topics: Option<&'a [&'a str]>,
    reason: &'a str,
}

fn event(kind: &'static str, data: impl Serialize) -> Bytes {
    text_frame(&serde_json::to_string(&Event { kind, data }).unwrap_or_default())
}

pub fn auth_revoked(topics: &[&str]) -> Bytes {
    event("AUTH_REVOKED", Revoked { topics })
}

/// Only for clients that asked for `?v=1`.
pub fn welcome(session_id: &str, keepalive_seconds: u64) -> Bytes {
    event(
        "WELCOME",
        Welcome {
            session_id,
            keepalive_seconds,
        },
    )
}

/// Only for clients that asked for `?v=1`. `None` = any topic.
pub fn missed(topics: Option<&[&str]>, reason: &str) -> Bytes {
    event("MISSED", Missed { topics, reason })
}
