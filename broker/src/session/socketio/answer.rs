//! The Socket.IO forms of what the node answers and notices.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use super::connect::ConnectRefusal;
use crate::node::{Notice, Refusal, Wire};
use crate::outbox::Connection;
use crate::plugin::NotAdmitted;
use crate::protocol::socketio;

/// An acknowledgement: `{"ok":true}` with `data`, or `{"ok":false}` with `error`.
#[derive(Serialize)]
struct Ack<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem<'a>>,
}

/// What went wrong, for programs (`code`) and people (`message`).
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    code: &'a str,
    message: Cow<'a, str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    /// What a plugin adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a RawValue>,
}

impl Problem<'_> {
    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

impl<'a> Problem<'a> {
    pub(super) fn new(code: &'a str, message: impl Into<Cow<'a, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: false,
            topic: None,
            detail: None,
        }
    }

    /// The same may work later.
    pub(super) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl<'a> From<&'a NotAdmitted> for Problem<'a> {
    fn from(refusal: &'a NotAdmitted) -> Self {
        let data = refusal.data.as_deref();
        Self {
            retryable: refusal.retryable,
            // Text of a plugin that is no JSON is left out.
            detail: data.and_then(|data| serde_json::from_str(data).ok()),
            ..Self::new(&refusal.code, &*refusal.message)
        }
    }
}

impl<'a> From<&'a Refusal> for Problem<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        match refusal {
            Refusal::Denied { topic, reason } => Self {
                topic: Some(topic.as_str()),
                ..Self::new("denied", &**reason)
            },
            Refusal::BadToken(reason) => Self::new("bad-token", &**reason),
            Refusal::BadTopic { topic, reason } => Self {
                topic: Some(topic),
                ..Self::new("bad-topic", &**reason)
            },
            Refusal::TooManyTopics(limit) => {
                let message = format!("a connection may listen to {limit} topics");
                Self::new("too-many-topics", message)
            }
            Refusal::TooBig(limit) => Self::new(
                "too-big",
                format!("the payload is larger than {limit} bytes"),
            ),
            Refusal::NotAdmitted(refusal) => (&**refusal).into(),
            Refusal::Call(refusal) => Self {
                retryable: refusal.retryable,
                ..Self::new(&refusal.code, &*refusal.message)
            },
            Refusal::Failed(reason) => Self::new("unavailable", *reason).retryable(),
        }
    }
}

/// The acknowledgement of a command that came to this.
pub(super) fn outcome(namespace: &str, id: u64, outcome: &Result<(), Refusal>) -> Bytes {
    match outcome {
        Ok(()) => ack(namespace, id, None, None),
        Err(refusal) => ack(namespace, id, None, Some(refusal.into())),
    }
}

pub(super) fn called(namespace: &str, id: u64, result: &Result<Box<RawValue>, Refusal>) -> Bytes {
    match result {
        Ok(data) => ack(namespace, id, Some(data), None),
        Err(refusal) => ack(namespace, id, None, Some(refusal.into())),
    }
}

pub(super) fn refused(namespace: &str, id: u64, problem: Problem<'_>) -> Bytes {
    ack(namespace, id, None, Some(problem))
}

fn ack(namespace: &str, id: u64, data: Option<&RawValue>, error: Option<Problem<'_>>) -> Bytes {
    let ok = error.is_none();
    let ack = json(&Ack { ok, data, error });
    let mut out = BytesMut::new();
    socketio::put_ack(namespace, id, &[&ack], &[], &mut out);
    out.freeze()
}

pub(super) fn connected(namespace: &str, sid: &str) -> Bytes {
    let mut out = BytesMut::new();
    socketio::put_connect(namespace, sid, &mut out);
    out.freeze()
}

/// `connect_error` with a message and data that a program can act on.
pub(super) fn connect_error(namespace: &str, refusal: &ConnectRefusal) -> Bytes {
    let mut out = BytesMut::new();
    let data = refusal.data();
    socketio::put_connect_error(namespace, &refusal.message(), Some(&data), &mut out);
    out.freeze()
}

pub(super) fn disconnected(namespace: &str) -> Bytes {
    let mut out = BytesMut::new();
    socketio::put_disconnect(namespace, &mut out);
    out.freeze()
}

#[derive(Serialize)]
struct Revoked<'a> {
    topics: &'a [&'a str],
}

#[derive(Serialize)]
struct Missed<'a> {
    topics: Option<&'a [&'a str]>,
    reason: &'a str,
}

/// The events `revoked` and `missed`. What else a node notices is the Engine.IO session's.
pub(super) fn notify(connection: &Connection, wire: &Wire, notice: Notice<'_>) -> bool {
    let (event, data) = match notice {
        Notice::Revoked(topics) => ("revoked", json(&Revoked { topics })),
        Notice::Missed { topics, reason } => ("missed", json(&Missed { topics, reason })),
        Notice::Reconnect | Notice::Ping => return false,
    };
    let mut out = BytesMut::new();
    socketio::put_event(wire.namespace(), None, event, &[&data], &[], &mut out);
    connection.push_control(out.freeze());
    true
}

pub(super) fn json(value: &impl Serialize) -> String {
    // Strings, numbers and JSON texts cannot fail to serialize.
    serde_json::to_string(value).unwrap_or_default()
}
