//! Packets for a client, appended as whole WebSocket frames of Engine.IO messages. Arguments and
//! data are JSON text that the caller knows to be so; they go out byte for byte.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::MAIN;
use super::packet::is_reserved;
use crate::protocol::frame::{self, Opcode};

/// Answers CONNECT. `sid` must not be the Engine.IO session's: one connection may join several
/// namespaces.
pub fn put_connect(namespace: &str, sid: &str, out: &mut BytesMut) {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
    }
    frame::put_text(out, |out| {
        put_head("40", namespace, out);
        put_json(&Connected { sid }, out);
    });
}

/// Refuses CONNECT: the client's `connect_error`, with `data` (JSON text) in `err.data`. It does
/// not come back by itself.
pub fn put_connect_error(namespace: &str, message: &str, data: Option<&str>, out: &mut BytesMut) {
    frame::put_text(out, |out| {
        put_head("44", namespace, out);
        out.put_slice(br#"{"message":"#);
        put_json(message, out);
        if let Some(data) = data {
            out.put_slice(br#","data":"#);
            out.put_slice(data.as_bytes());
        }
        out.put_u8(b'}');
    });
}

/// Ends a namespace; the client does not come back by itself.
pub fn put_disconnect(namespace: &str, out: &mut BytesMut) {
    frame::put_text(out, |out| put_head("41", namespace, out));
}

/// An event; with `id` the client's acknowledgement is wanted. `args` hold one placeholder for each
/// of `attachments`, whose frames follow at once, so that nothing comes between. `name` is none
/// that [`is_reserved`].
pub fn put_event(
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &[&str],
    attachments: &[Bytes],
    out: &mut BytesMut,
) {
    frame::put_text(out, |out| {
        put_array_head("42", "45", namespace, id, attachments, out);
        put_json(name, out);
        for arg in args {
            out.put_u8(b',');
            out.put_slice(arg.as_bytes());
        }
        out.put_u8(b']');
    });
    put_attachments(attachments, out);
}

/// Acknowledges a client's event, with attachments as [`put_event`] has them.
pub fn put_ack(namespace: &str, id: u64, args: &[&str], attachments: &[Bytes], out: &mut BytesMut) {
    frame::put_text(out, |out| {
        put_array_head("43", "46", namespace, Some(id), attachments, out);
        for (at, arg) in args.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            out.put_slice(arg.as_bytes());
        }
        out.put_u8(b']');
    });
    put_attachments(attachments, out);
}

/// A publication: its event with `payload` (JSON text) as the one argument. Without an event, or
/// with one that a client would close the connection for, it is the event `message` with
/// `{"topic","id","payload"}`, and in the second case `"event"`.
pub fn put_publication(
    namespace: &str,
    topic: &str,
    event: Option<&str>,
    id: &str,
    payload: &str,
    out: &mut BytesMut,
) {
    let payload = payload.trim_ascii();
    frame::put_text(out, |out| {
        put_head("42", namespace, out);
        out.put_u8(b'[');
        if let Some(event) = event
            && !is_reserved(event)
        {
            put_json(event, out);
            out.put_u8(b',');
            out.put_slice(payload.as_bytes());
        } else {
            out.put_slice(br#""message",{"topic":""#);
            // The topic grammar has no character that JSON escapes.
            out.put_slice(topic.as_bytes());
            out.put_slice(br#"","id":"#);
            put_json(id, out);
            if let Some(event) = event {
                out.put_slice(br#","event":"#);
                put_json(event, out);
            }
            out.put_slice(br#","payload":"#);
            out.put_slice(payload.as_bytes());
            out.put_u8(b'}');
        }
        out.put_u8(b']');
    });
}

fn put_array_head(
    text: &str,
    binary: &str,
    namespace: &str,
    id: Option<u64>,
    attachments: &[Bytes],
    out: &mut BytesMut,
) {
    if attachments.is_empty() {
        put_head(text, namespace, out);
    } else {
        out.put_slice(binary.as_bytes());
        put_json(&attachments.len(), out);
        put_head("-", namespace, out);
    }
    if let Some(id) = id {
        put_json(&id, out);
    }
    out.put_u8(b'[');
}

/// `start` and the namespace, which the main one leaves out.
fn put_head(start: &str, namespace: &str, out: &mut BytesMut) {
    out.put_slice(start.as_bytes());
    if namespace != MAIN {
        out.put_slice(namespace.as_bytes());
        out.put_u8(b',');
    }
}

fn put_attachments(attachments: &[Bytes], out: &mut BytesMut) {
    for attachment in attachments {
        frame::put_header(Opcode::Binary, attachment.len(), out);
        out.put_slice(attachment);
    }
}

fn put_json(value: &(impl Serialize + ?Sized), out: &mut BytesMut) {
    // Strings and numbers cannot fail to serialize, nor a buffer to grow.
    let _ = serde_json::to_writer(out.writer(), value);
}
