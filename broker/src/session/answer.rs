//! The `/ws` forms of what the node answers and notices.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::node::{Notice, Refusal, Wire};
use crate::outbox::Connection;
use crate::plugin::CallRefused;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::pubsub::{self, ErrorCode};

/// Why a CALL has no answer, for programs (`code`) and people (`message`).
#[derive(Serialize)]
struct Uncalled<'a> {
    code: &'a str,
    message: &'a str,
    retryable: bool,
}

#[derive(Serialize)]
struct Detail<'a> {
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
}

/// A RESPONSE that says what is wrong.
pub(super) fn refuse(nonce: &str, error: ErrorCode, reason: &str, topic: Option<&str>) -> Bytes {
    match to_raw_value(&Detail { reason, topic }) {
        Ok(detail) => pubsub::response_with(nonce, error, &detail),
        Err(_) => pubsub::response(nonce, error),
    }
}

pub(super) fn outcome(nonce: &str, outcome: Result<(), Refusal>) -> Bytes {
    match outcome {
        Ok(()) => pubsub::response(nonce, ErrorCode::None),
        Err(refusal) => refusal_frame(nonce, &refusal),
    }
}

pub(super) fn called(nonce: &str, outcome: Result<Box<RawValue>, Refusal>) -> Bytes {
    match outcome {
        Ok(data) => pubsub::response_with(nonce, ErrorCode::None, &data),
        Err(refusal) => refusal_frame(nonce, &refusal),
    }
}

fn uncalled(nonce: &str, refusal: &CallRefused) -> Bytes {
    let CallRefused {
        code,
        message,
        retryable,
    } = refusal;
    let detail = Uncalled {
        code,
        message,
        retryable: *retryable,
    };
    match to_raw_value(&detail) {
        Ok(detail) => pubsub::response_with(nonce, ErrorCode::Call, &detail),
        Err(_) => pubsub::response(nonce, ErrorCode::Call),
    }
}

fn refusal_frame(nonce: &str, refusal: &Refusal) -> Bytes {
    match refusal {
        Refusal::Denied { topic, reason } => {
            refuse(nonce, ErrorCode::BadAuth, reason, Some(topic.as_str()))
        }
        Refusal::BadToken(reason) => refuse(nonce, ErrorCode::BadAuth, reason, None),
        Refusal::BadTopic { topic, reason } => {
            refuse(nonce, ErrorCode::BadTopic, reason, Some(topic))
        }
        Refusal::TooManyTopics(limit) => {
            let reason = format!("a connection may listen to {limit} topics");
            refuse(nonce, ErrorCode::TooManyTopics, &reason, None)
        }
        Refusal::TooBig(limit) => {
            let reason = format!("the message is larger than {limit} bytes");
            refuse(nonce, ErrorCode::BadMessage, &reason, None)
        }
        Refusal::Call(refusal) => uncalled(nonce, refusal),
        Refusal::NotAdmitted(refusal) => {
            let error = if refusal.retryable {
                ErrorCode::Server
            } else {
                ErrorCode::BadAuth
            };
            refuse(nonce, error, &refusal.message, None)
        }
        Refusal::Failed(reason) => refuse(nonce, ErrorCode::Server, reason, None),
    }
}

/// Notices for clients that know only Twitch PubSub's types.
pub(super) fn notify_plain(connection: &Connection, _: &Wire, notice: Notice<'_>) -> bool {
    let frame = match notice {
        Notice::Revoked(topics) => pubsub::auth_revoked(topics),
        Notice::Reconnect => pubsub::reconnect(),
        Notice::Ping => frame::encode(Opcode::Ping, b""),
        Notice::Missed { .. } => return false,
    };
    connection.push_control(frame);
    true
}

/// Notices for clients that asked for `?v=1`.
pub(super) fn notify_v1(connection: &Connection, wire: &Wire, notice: Notice<'_>) -> bool {
    match notice {
        Notice::Missed { topics, reason } => {
            connection.push_control(pubsub::missed(topics, reason));
            true
        }
        other => notify_plain(connection, wire, other),
    }
}
