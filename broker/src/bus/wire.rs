//! The JSON object that a publication is on Redis. Pure: bytes in, a draft out.
//!
//! `{"topic":"channel:update","message":…}`, with optional `event`, `id`, `ts` and `origin`.
//! Programs in any language publish it, so what is unknown, and an optional field of another
//! type, is passed over; only a missing topic or message makes it no publication.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::publication::{Draft, JsonText};
use crate::topic::{Topic, TopicError};

/// Why a message on a Redis channel is no publication.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the message has {bytes} bytes, more than {limit}")]
    TooLong { bytes: usize, limit: usize },
    #[error("the message is not a JSON object with `topic` and `message`: {0}")]
    Json(#[from] serde_json::Error),
    #[error("field `topic`: {0}")]
    Topic(#[from] TopicError),
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    message: &'a RawValue,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    origin: Option<&'a RawValue>,
}

/// Reads a publication of at most `limit` bytes. The payload shares `message`'s memory; the id is
/// empty when the publisher gave none.
pub fn decode(message: &Bytes, limit: usize) -> Result<Draft, WireError> {
    if message.len() > limit {
        return Err(WireError::TooLong {
            bytes: message.len(),
            limit,
        });
    }
    let object: Object<'_> = serde_json::from_slice(message)?;
    Ok(Draft {
        topic: Topic::parse(&object.topic)?,
        event: object.event.and_then(text),
        id: object.id.and_then(id).unwrap_or_default(),
        ts: object.ts.and_then(|ts| ts.get().parse().ok()),
        origin: object.origin.and_then(text),
        payload: JsonText::part(message, object.message),
    })
}

/// Writes a publication; `node` is its origin unless the draft names one.
pub fn encode(draft: &Draft, node: &str) -> Vec<u8> {
    let payload = draft.payload.as_bytes();
    let mut out = Vec::with_capacity(payload.len() + draft.topic.as_str().len() + 128);
    out.extend_from_slice(br#"{"topic":"#);
    string(&mut out, draft.topic.as_str());
    out.extend_from_slice(br#","message":"#);
    out.extend_from_slice(payload);
    if let Some(event) = &draft.event {
        out.extend_from_slice(br#","event":"#);
        string(&mut out, event);
    }
    if !draft.id.is_empty() {
        out.extend_from_slice(br#","id":"#);
        string(&mut out, &draft.id);
    }
    if let Some(ts) = draft.ts {
        out.extend_from_slice(format!(r#","ts":{ts}"#).as_bytes());
    }
    out.extend_from_slice(br#","origin":"#);
    string(&mut out, draft.origin.as_deref().unwrap_or(node));
    out.push(b'}');
    out
}

fn string(out: &mut Vec<u8>, text: &str) {
    // A string is always JSON and a Vec takes every write: there is no error to have.
    let _ = serde_json::to_writer(out, text);
}

fn text(raw: &RawValue) -> Option<Box<str>> {
    serde_json::from_str(raw.get()).ok()
}

/// An id is a string; services that count use a number, which is the id by its digits.
fn id(raw: &RawValue) -> Option<Box<str>> {
    match raw.get().as_bytes().first() {
        Some(b'0'..=b'9' | b'-') => Some(raw.get().into()),
        _ => text(raw),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn read(text: &str) -> Result<Draft, WireError> {
        decode(&Bytes::copy_from_slice(text.as_bytes()), LIMIT)
    }

    #[test]
    fn the_gateways_publication_is_read_byte_for_byte() {
        let draft =
            read(r#" {"topic":"channel:update", "message": {"a" : 1.0e2, "b":"\u00e9"} } "#)
                .expect("a publication");
        assert_eq!(draft.topic.as_str(), "channel:update");
        assert_eq!(draft.payload.as_bytes(), br#"{"a" : 1.0e2, "b":"\u00e9"}"#);
        assert_eq!((&*draft.id, draft.event, draft.ts), ("", None, None));
    }

    #[test]
    fn optional_fields_are_read_and_other_types_passed_over() {
        let draft = read(
            r#"{"x":[1],"topic":"a","message":null,"event":"e\n","id":17,"ts":5,"origin":"svc"}"#,
        )
        .expect("a publication");
        assert_eq!(draft.event.as_deref(), Some("e\n"));
        assert_eq!((&*draft.id, draft.ts), ("17", Some(5)));
        assert_eq!(draft.origin.as_deref(), Some("svc"));
        assert_eq!(draft.payload.as_bytes(), b"null");

        let draft = read(r#"{"topic":"a","message":1,"event":{},"id":null,"ts":"2024-01-01"}"#)
            .expect("a publication");
        assert_eq!((draft.event, &*draft.id, draft.ts), (None, "", None));
    }

    #[test]
    fn what_is_no_publication_says_why() {
        for (text, why) in [
            ("", "EOF"),
            ("[]", "invalid length"),
            (r#"{"topic":"a"}"#, "missing field `message`"),
            (r#"{"message":"a"}"#, "missing field `topic`"),
            (r#"{"topic":7,"message":"a"}"#, "expected a string"),
            (r#"{"topic":"a::b","message":1}"#, "empty segment"),
            (r#"{"topic":"a","message":1} x"#, "trailing"),
            (r#"{"topic":"a","message":{]}"#, "key must be"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let long = format!(r#"{{"topic":"a","message":"{}"}}"#, "x".repeat(LIMIT));
        let error = read(&long).expect_err("too long").to_string();
        assert!(error.contains("more than 1048576"), "{error}");
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just(" true".to_owned()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<String>().prop_map(|s| serde_json::to_string(&s).expect("json")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|all| format!("[{}]", all.join(" , "))),
                (any::<String>(), inner).prop_map(|(key, value)| {
                    format!(
                        "{{{}: {value}}}",
                        serde_json::to_string(&key).expect("json")
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            topic in "[a-z0-9._~@|%+-]{1,20}(:[A-Z]{1,20}){0,3}",
            event in proptest::option::of(any::<String>()),
            id in any::<String>(),
            ts in proptest::option::of(any::<u64>()),
            origin in proptest::option::of(any::<String>()),
            payload in json(),
        ) {
            let draft = Draft {
                topic: Topic::parse(&topic).expect("a topic"),
                event: event.map(Into::into),
                id: id.into(),
                ts,
                origin: Some(origin.unwrap_or("n".into()).into()),
                payload: JsonText::parse(&Bytes::from(payload)).expect("JSON"),
            };
            let wire = Bytes::from(encode(&draft, "other"));
            prop_assert_eq!(decode(&wire, LIMIT).expect("its own wire form"), draft);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&Bytes::from(bytes), LIMIT);
        }

        #[test]
        fn a_damaged_publication_never_panics(at in 0_usize..60, byte in any::<u8>(), cut in 0_usize..70) {
            let mut text = br#"{"topic":"a:b","message":{"k":["v",1]},"id":"i","ts":3}"#.to_vec();
            let at = at % text.len();
            text[at] = byte;
            text.truncate(cut);
            let _ = decode(&Bytes::from(text), LIMIT);
        }
    }
}
