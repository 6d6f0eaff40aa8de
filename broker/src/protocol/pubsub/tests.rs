use bytes::BytesMut;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

/// The text of a server frame.
fn text(frame: &[u8]) -> &str {
    let start = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    std::str::from_utf8(&frame[start..]).expect("text frames hold UTF-8")
}

fn message(payload: &str) -> String {
    let mut out = BytesMut::new();
    put_message_frame("channel:update", None, "1-a", payload.as_bytes(), &mut out);
    text(&out).to_owned()
}

#[test]
fn a_message_carries_a_string() {
    insta::assert_snapshot!(message(r#"{"title":"hi"}"#), @r#"{"type":"MESSAGE","data":{"topic":"channel:update","message":"{\"title\":\"hi\"}","id":"1-a"}}"#);
    insta::assert_snapshot!(message(r#""plain \u00fc""#), @r#"{"type":"MESSAGE","data":{"topic":"channel:update","message":"plain \u00fc","id":"1-a"}}"#);
    insta::assert_snapshot!(message("42"), @r#"{"type":"MESSAGE","data":{"topic":"channel:update","message":"42","id":"1-a"}}"#);
}

#[test]
fn responses_have_twitchs_field_order() {
    insta::assert_snapshot!(text(&response("n1", ErrorCode::None)), @r#"{"type":"RESPONSE","error":"","nonce":"n1"}"#);
    insta::assert_snapshot!(text(&response("\"", ErrorCode::BadAuth)), @r#"{"type":"RESPONSE","error":"ERR_BADAUTH","nonce":"\""}"#);
    let data = RawValue::from_string(r#"{"reason":"no"}"#.to_owned()).expect("JSON");
    insta::assert_snapshot!(text(&response_with("n", ErrorCode::BadAuth, &data)), @r#"{"type":"RESPONSE","error":"ERR_BADAUTH","nonce":"n","data":{"reason":"no"}}"#);
}

#[test]
fn events_of_the_server() {
    insta::assert_snapshot!(text(&pong()), @r#"{"type":"PONG"}"#);
    insta::assert_snapshot!(text(&reconnect()), @r#"{"type":"RECONNECT"}"#);
    insta::assert_snapshot!(text(&auth_revoked(&["a", "b"])), @r#"{"type":"AUTH_REVOKED","data":{"topics":["a","b"]}}"#);
    insta::assert_snapshot!(text(&welcome("w1", 25)), @r#"{"type":"WELCOME","data":{"session_id":"w1","keepalive_seconds":25}}"#);
    insta::assert_snapshot!(text(&missed(None, "bus")), @r#"{"type":"MISSED","data":{"topics":null,"reason":"bus"}}"#);
    insta::assert_snapshot!(text(&missed(Some(&["a"]), "slow")), @r#"{"type":"MISSED","data":{"topics":["a"],"reason":"slow"}}"#);
}

fn listen(text: &str) -> (String, Vec<String>, Option<String>) {
    match parse(text).expect("a LISTEN") {
        Command::Listen {
            nonce,
            topics,
            auth_token,
        } => (
            nonce.into(),
            topics.into_iter().map(String::from).collect(),
            auth_token.map(String::from),
        ),
        other => panic!("not a LISTEN: {other:?}"),
    }
}

#[test]
fn commands_are_read() {
    assert!(matches!(parse(r#"{"type":"PING"}"#), Ok(Command::Ping)));
    let (nonce, topics, token) =
        listen(r#"{"type":"LISTEN","nonce":"44h1","data":{"topics":["a","b"],"auth_token":"t"}}"#);
    assert_eq!(
        (nonce.as_str(), topics.len(), token.as_deref()),
        ("44h1", 2, Some("t"))
    );
    let (nonce, ..) = listen(r#"{"type":"LISTEN","data":{"topics":["a"],"extra":1},"more":2}"#);
    assert_eq!(nonce, "", "a missing nonce is empty");
    let Ok(Command::Publish {
        nonce: None,
        message,
        ..
    }) = parse(r#"{"type":"PUBLISH","data":{"topic":"a","message":{"b" : 1}}}"#)
    else {
        panic!("a PUBLISH without a nonce");
    };
    assert_eq!(message.get(), r#"{"b" : 1}"#, "byte for byte");
}

#[test]
fn what_is_wrong_is_said() {
    let reason = |text: &str| parse(text).expect_err("a bad message").reason.to_string();
    insta::assert_snapshot!(reason("{"), @"not a message: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(reason(r#"{"type":"JOIN"}"#), @r#"unknown type "JOIN""#);
    insta::assert_snapshot!(reason(r#"{"type":"LISTEN"}"#), @"data: missing field `topics` at line 1 column 2");
    insta::assert_snapshot!(reason(r#"{"type":"LISTEN","data":{"topics":[]}}"#), @"data.topics is empty");
    let bad =
        parse(r#"{"type":"LISTEN","nonce":"n","data":{"topics":[1]}}"#).expect_err("a number");
    assert_eq!(&*bad.nonce, "n");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = parse(&text);
    }

    #[test]
    fn a_message_frame_is_json_whatever_it_holds(payload: String, event: Option<String>, id: String, plain: bool, spaced: bool) {
        let json = if plain { Value::String(payload.clone()) } else { serde_json::json!({ "p": payload }) };
        let json = if spaced && !plain { format!("{json:#}").replace('\n', "\r\n\t") } else { json.to_string() };
        let mut out = BytesMut::from(&b"before"[..]);
        put_message_frame("a:b", event.as_deref(), &id, json.as_bytes(), &mut out);
        let value: Value = serde_json::from_str(text(&out[6..])).expect("JSON");
        let expected = if plain { payload } else { json };
        prop_assert_eq!(value["data"]["message"].as_str(), Some(expected.as_str()));
        prop_assert_eq!(value["data"]["id"].as_str(), Some(id.as_str()));
        prop_assert_eq!(value["data"]["event"].as_str(), event.as_deref());
    }
}
