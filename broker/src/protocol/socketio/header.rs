//! `<type>[<attachments>-][<namespace>,][<ack id>]`, before the JSON.

use super::packet::DecodeError;
use super::{MAIN, MAX_ACK_ID_DIGITS, MAX_NAMESPACE_BYTES};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Connect,
    Disconnect,
    Event,
    Ack,
    BinaryEvent,
    BinaryAck,
}

#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) kind: Type,
    /// 0 unless the type is binary.
    pub(super) attachments: usize,
    pub(super) namespace: &'a str,
    pub(super) query: Option<&'a str>,
    /// Read of events and acknowledgements only.
    pub(super) id: Option<u64>,
    /// Empty = there is none.
    pub(super) payload: &'a str,
}

pub(super) fn parse(text: &str, max_attachments: usize) -> Result<Header<'_>, DecodeError> {
    let mut rest = text.chars();
    let kind = match rest.next().ok_or(DecodeError::Empty)? {
        '0' => Type::Connect,
        '1' => Type::Disconnect,
        '2' => Type::Event,
        '3' => Type::Ack,
        '4' => return Err(DecodeError::Direction),
        '5' => Type::BinaryEvent,
        '6' => Type::BinaryAck,
        other => return Err(DecodeError::UnknownType(other)),
    };
    let mut rest = rest.as_str();
    let mut attachments = 0;
    if matches!(kind, Type::BinaryEvent | Type::BinaryAck) {
        let (count, after) = split_digits(rest);
        rest = after.strip_prefix('-').ok_or(DecodeError::Attachments)?;
        attachments = attachment_count(count, max_attachments)?;
    }
    let (namespace, query, rest) = split_namespace(rest)?;
    let (id, payload) = match kind {
        Type::Connect | Type::Disconnect => (None, rest),
        _ => split_id(rest)?,
    };
    Ok(Header {
        kind,
        attachments,
        namespace,
        query,
        id,
        payload,
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn attachment_count(digits: &str, limit: usize) -> Result<usize, DecodeError> {
    if digits.is_empty() {
        return Err(DecodeError::Attachments);
    }
    // What does not fit into a number is above the limit too.
    match digits.parse() {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// The namespace, its query, and what follows. The comma may be missing at the end of the packet.
fn split_namespace(text: &str) -> Result<(&str, Option<&str>, &str), DecodeError> {
    if !text.starts_with('/') {
        return Ok((MAIN, None, text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    if namespace.len() > MAX_NAMESPACE_BYTES {
        return Err(DecodeError::LongNamespace);
    }
    // It is written into answers, where U+001E would end the packet.
    if namespace.chars().any(char::is_control) {
        return Err(DecodeError::BadNamespace);
    }
    Ok(match namespace.split_once('?') {
        Some((path, query)) => (path, Some(query), rest),
        None => (namespace, None, rest),
    })
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (digits, payload) = split_digits(text);
    if digits.len() > MAX_ACK_ID_DIGITS {
        return Err(DecodeError::LongAckId);
    }
    Ok((digits.parse().ok(), payload))
}
