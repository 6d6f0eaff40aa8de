use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use super::ErrorCode;
use crate::protocol::frame::{self, Opcode};

/// Appends the whole frame of a MESSAGE. `payload` is JSON text: a JSON string goes into
/// `message` as it is, anything else as its text in a string.
pub fn put_message_frame(
    topic: &str,
    event: Option<&str>,
    id: &str,
    payload: &str,
    out: &mut BytesMut,
) {
    frame::put_text(out, |out| {
        out.put_slice(br#"{"type":"MESSAGE","data":{"topic":""#);
        // The topic grammar has no character that JSON escapes.
        out.put_slice(topic.as_bytes());
        out.put_slice(br#"","message":"#);
        let payload = payload.trim_ascii();
        if payload.starts_with('"') {
            out.put_slice(payload.as_bytes());
        } else {
            put_json(payload, out);
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
