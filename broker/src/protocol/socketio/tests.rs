use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use serde_json::{Value, json};

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

#[test]
fn suite_connect() {
    assert_eq!(read("0"), Ok(connect("/", None)));
    assert_eq!(
        read(r#"0{"token":"123"}"#),
        Ok(connect("/", Some(r#"{"token":"123"}"#)))
    );
    assert_eq!(read("0/custom"), Ok(connect("/custom", None)));
    assert_eq!(read("0/custom,"), Ok(connect("/custom", None)));
    assert_eq!(
        read(r#"0/custom,{"token":"abc"}"#),
        Ok(connect("/custom", Some(r#"{"token":"abc"}"#)))
    );
    assert_eq!(read("0/,{}"), Ok(connect("/", Some("{}"))));
    assert_eq!(read("0/random"), Ok(connect("/random", None)));
}

#[test]
fn suite_connect_answers() {
    insta::assert_snapshot!(sent(|out| put_connect("/", "s1", out)), @r#"40{"sid":"s1"}"#);
    insta::assert_snapshot!(sent(|out| put_connect("/custom", "s1", out)), @r#"40/custom,{"sid":"s1"}"#);
    insta::assert_snapshot!(sent(|out| put_connect_error("/random", "Invalid namespace", None, out)), @r#"44/random,{"message":"Invalid namespace"}"#);
}

/// socketioxide cannot send `data`.
#[test]
fn regression_connect_error_has_data() {
    let data = r#"{"code":"expired"}"#;
    insta::assert_snapshot!(sent(|out| put_connect_error("/", "token \"expired\"", Some(data), out)), @r#"44{"message":"token \"expired\"","data":{"code":"expired"}}"#);
}

#[test]
fn suite_connect_invalid_handshake() {
    for payload in [
        "0\"x\"",
        "0[1]",
        "0null",
        "01",
        "0abc",
        "0{\"a\"}",
        "0{} {}",
        "0/custom,[]",
    ] {
        let error = read(payload).expect_err(payload);
        assert!(
            matches!(error, DecodeError::ConnectPayload(_)),
            "{payload}: {error}"
        );
    }
}

#[test]
fn suite_disconnect() {
    for (text, namespace) in [
        ("1", "/"),
        ("1/custom", "/custom"),
        ("1/custom,", "/custom"),
    ] {
        let packet = read(text).expect(text);
        assert_eq!(
            (&*packet.namespace, packet.kind),
            (namespace, Kind::Disconnect)
        );
    }
    assert_eq!(read("1{}"), Err(DecodeError::DisconnectPayload));
    assert_eq!(read("11"), Err(DecodeError::DisconnectPayload));
    assert_eq!(sent(|out| put_disconnect("/", out)), "41");
    assert_eq!(sent(|out| put_disconnect("/custom", out)), "41/custom,");
}

#[test]
fn suite_message_text() {
    let event = event(read(r#"2["message",1,"2",{"3":[true]}]"#).expect("an event"));
    assert_eq!((&*event.name, event.id), ("message", None));
    assert_eq!(list(&event.args), ["1", "\"2\"", r#"{"3":[true]}"#]);
    let args: Vec<&str> = event.args.list().into_iter().map(|arg| arg.get()).collect();
    insta::assert_snapshot!(sent(|out| put_event("/", None, "message-back", &args, &[], out)), @r#"42["message-back",1,"2",{"3":[true]}]"#);
}

#[test]
fn suite_message_binary_attachments() {
    let text = r#"52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let event = event(read_all(text, &[&[1, 2, 3], &[4, 5, 6]]).expect("an event"));
    assert_eq!(event.attachments, [&[1u8, 2, 3][..], &[4, 5, 6]]);
    let args: Vec<&str> = event.args.list().into_iter().map(|arg| arg.get()).collect();
    insta::assert_snapshot!(sent(|out| put_event("/", None, "message-back", &args, &event.attachments, out)), @r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] <3 bytes> <3 bytes>"#);
}

#[test]
fn suite_message_text_with_ack() {
    let event = event(read(r#"2456["message-with-ack",1,"2"]"#).expect("an event"));
    assert_eq!((&*event.name, event.id), ("message-with-ack", Some(456)));
    let args: Vec<&str> = event.args.list().into_iter().map(|arg| arg.get()).collect();
    insta::assert_snapshot!(sent(|out| put_ack("/", 456, &args, &[], out)), @r#"43456[1,"2"]"#);
    insta::assert_snapshot!(sent(|out| put_ack("/custom", 0, &[], &[], out)), @"43/custom,0[]");
    insta::assert_snapshot!(sent(|out| put_event("/custom", Some(7), "e", &[], &[], out)), @r#"42/custom,7["e"]"#);
}

#[test]
fn suite_message_binary_with_ack() {
    let text = r#"51-789["message-with-ack",{"_placeholder":true,"num":0}]"#;
    let event = event(read_all(text, &[b"abc"]).expect("an event"));
    assert_eq!(event.id, Some(789));
    insta::assert_snapshot!(sent(|out| put_ack("/", 789, &[r#"{"_placeholder":true,"num":0}"#], &event.attachments, out)), @r#"461-789[{"_placeholder":true,"num":0}] <3 bytes>"#);
}

#[test]
fn suite_unknown_packet_type() {
    assert_eq!(read("abc"), Err(DecodeError::UnknownType('a')));
    assert_eq!(read("7"), Err(DecodeError::UnknownType('7')));
    assert_eq!(read(""), Err(DecodeError::Empty));
    assert_eq!(read("4{}"), Err(DecodeError::Direction));
}

#[test]
fn suite_invalid_payload() {
    for text in [
        "2{}",
        "2",
        "2[]",
        "2[{}]",
        "2[null,1]",
        "2[[\"a\"]]",
        "2[true]",
        "2\"a\"",
        "2[\"a\"",
        "2[\"a\"] x",
        "2[\"a\",]",
        "2[\"a\",01]",
        "2/custom[\"a\"]",
    ] {
        let error = read(text).expect_err(text);
        assert!(
            matches!(error, DecodeError::EventPayload(_)),
            "{text}: {error}"
        );
    }
}

#[test]
fn suite_invalid_ack_id() {
    let error = read(r#"2abc["message-with-ack",1,"2"]"#).expect_err("no id");
    assert!(matches!(error, DecodeError::EventPayload(_)), "{error}");
    let error = read(r#"2-1["a"]"#).expect_err("no id");
    assert!(matches!(error, DecodeError::EventPayload(_)), "{error}");
}

#[test]
fn an_ack_id_is_bounded() {
    let longest = event(read(r#"29007199254740991["a"]"#).expect("2^53 - 1"));
    assert_eq!(longest.id, Some((1 << 53) - 1));
    assert_eq!(
        read(r#"210000000000000000["a"]"#),
        Err(DecodeError::LongAckId)
    );
    let endless = format!("2{}[\"a\"]", "9".repeat(900));
    assert_eq!(read(&endless), Err(DecodeError::LongAckId));
}

#[test]
fn suite_server_to_client_ack_is_read() {
    let packet = read(r#"3/custom,12[ {"a" : 1}, null ]"#).expect("an ack");
    let Kind::Ack {
        id,
        args,
        attachments,
    } = packet.kind
    else {
        panic!("no ack: {packet:?}");
    };
    assert_eq!((id, attachments.len()), (12, 0));
    assert_eq!(list(&args), [r#"{"a" : 1}"#, "null"], "byte for byte");
    let packet = read_all(r#"61-3[{"_placeholder":true,"num":0}]"#, &[b"x"]).expect("an ack");
    assert!(matches!(packet.kind, Kind::Ack { id: 3, .. }), "{packet:?}");
    assert_eq!(read("3[]"), Err(DecodeError::NoAckId));
    assert!(matches!(read("31{}"), Err(DecodeError::AckPayload(_))));
    assert!(matches!(read("31"), Err(DecodeError::AckPayload(_))));
}

#[test]
fn reserved_names_are_refused() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        let text = format!("2[\"{name}\",1]");
        assert_eq!(read(&text), Err(DecodeError::ReservedEvent(name.into())));
    }
    let escaped = read(r#"2["\u0063onnect"]"#);
    assert_eq!(escaped, Err(DecodeError::ReservedEvent("connect".into())));
}

#[test]
fn an_event_may_be_a_number() {
    let event = event(read("2[17,\"x\"]").expect("an event"));
    assert_eq!(event.name, "17");
    assert_eq!(list(&event.args), ["\"x\""]);
}

#[test]
fn a_namespace_may_carry_a_query() {
    let packet = read("0/admin?a=b&c=/d,{}").expect("a CONNECT");
    assert_eq!(packet.namespace, "/admin");
    let Kind::Connect { query, auth } = packet.kind else {
        panic!("no CONNECT");
    };
    assert_eq!(
        (query.as_deref(), auth.as_deref()),
        (Some("a=b&c=/d"), Some("{}"))
    );
    assert_eq!(read("1/?x").expect("a DISCONNECT").namespace, "/");
}

#[test]
fn a_namespace_is_bounded_and_cannot_break_an_answer() {
    let long = format!("0/{}", "n".repeat(MAX_NAMESPACE_BYTES));
    assert_eq!(read(&long), Err(DecodeError::LongNamespace));
    assert!(read(&long[..long.len() - 1]).is_ok());
    assert_eq!(read("0/a\x1e44,{}"), Err(DecodeError::BadNamespace));
}

/// socketioxide has no limit; the reference's is 10 since its denial of service (4.2.6).
#[test]
fn regression_attachments_are_capped() {
    let error = DecodeError::TooManyAttachments { limit: 10 };
    assert_eq!(read(r#"511-["a"]"#), Err(error.clone()));
    assert_eq!(read(r#"599999999999999999999999-["a"]"#), Err(error));
    for text in [
        "5[\"a\"]",
        "5-[\"a\"]",
        "51[\"a\"]",
        "51.0-[\"a\"]",
        "5-1-[\"a\"]",
        "5 1-[\"a\"]",
        "5",
        "61",
    ] {
        assert_eq!(read(text), Err(DecodeError::Attachments), "{text}");
    }
    assert!(read(r#"50-["a"]"#).is_ok(), "none is a whole packet");
}

/// socketioxide reads on.
#[test]
fn regression_text_while_attachments_are_missing() {
    let mut decoder = Decoder::default();
    let text = r#"52-["a",{"_placeholder":true,"num":1},{"num":0,"_placeholder":true}]"#;
    assert_eq!(decoder.text(text, LIMITS), Ok(None));
    assert_eq!(decoder.binary(b"0"[..].into(), LIMITS), Ok(None));
    assert!(decoder.is_pending());
    let error = decoder.text("1", LIMITS);
    assert_eq!(
        error,
        Err(DecodeError::TextBeforeAttachments { missing: 1 })
    );
}

#[test]
fn binary_that_no_packet_announced() {
    let mut decoder = Decoder::default();
    let stray = decoder.binary(b"0"[..].into(), LIMITS);
    assert_eq!(stray, Err(DecodeError::UnexpectedBinary));
    assert!(
        decoder
            .text(r#"50-["a"]"#, LIMITS)
            .expect("a packet")
            .is_some()
    );
    let behind = decoder.binary(b"0"[..].into(), LIMITS);
    assert_eq!(behind, Err(DecodeError::UnexpectedBinary));
}

#[test]
fn placeholders_and_attachments_match() {
    for (text, why) in [
        (r#"51-["a"]"#, "attachment 0 has no placeholder"),
        (
            r#"51-["a",{"_placeholder":true,"num":1}]"#,
            "placeholder 1 has no attachment",
        ),
        (
            r#"50-["a",{"_placeholder":true,"num":0}]"#,
            "placeholder 0 has no attachment",
        ),
        (
            r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
            "placeholder 0 is there twice",
        ),
        (r#"51-["a",{"_placeholder":true}]"#, "a placeholder is not"),
        (
            r#"51-["a",{"_placeholder":true,"num":-1}]"#,
            "a placeholder is not",
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":0.0}]"#,
            "a placeholder is not",
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
            "a placeholder is not",
        ),
        (
            r#"51-["a",{"_placeholder":true,"num":0,"x":1}]"#,
            "a placeholder is not",
        ),
        (
            r#"61-1[{"_placeholder":true,"num":99999999999999999999}]"#,
            "a placeholder is not",
        ),
    ] {
        match read(text) {
            Err(DecodeError::Placeholders(said)) => assert!(said.contains(why), "{text}: {said}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let nested = r#"51-["a",[{"b":{"_placeholder":true,"num":0},"_placeholder":1,"num":7}]]"#;
    assert!(
        read_all(nested, &[b""]).is_ok(),
        "only `true` makes a placeholder"
    );
    let text = r#"2["a",{"_placeholder":true,"num":0}]"#;
    assert!(
        read(text).is_ok(),
        "only an object, in an event without attachments"
    );
}

#[test]
fn a_packet_is_bounded_over_all_its_attachments() {
    let big = DecodeError::TooBig {
        limit: LIMITS.bytes,
    };
    let long = format!("2[\"{}\"]", "x".repeat(1000));
    assert_eq!(read(&long), Err(big.clone()));
    let text = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let room = LIMITS.bytes - text.len();
    assert!(read_all(text, &[&vec![0; room], b""]).is_ok());
    assert_eq!(read_all(text, &[&vec![0; room], b"x"]), Err(big));
}

#[test]
fn deep_json_is_no_stack_overflow() {
    let limits = PacketLimits {
        attachments: 10,
        bytes: 1 << 22,
    };
    let deep = format!("[\"a\",{}{}]", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert!(Decoder::default().text(&format!("2{deep}"), limits).is_ok());
    let binary = format!("50-{deep}");
    let refused = Decoder::default().text(&binary, limits);
    assert!(matches!(refused, Err(DecodeError::Placeholders(_))));
}

fn publication(namespace: &str, event: Option<&str>, payload: &str) -> String {
    sent(|out| {
        put_publication(
            namespace,
            "user:7:notification",
            event,
            "k/0/5/0",
            payload.as_bytes(),
            out,
        )
    })
}

#[test]
fn a_publication_is_an_event() {
    insta::assert_snapshot!(publication("/", Some("notification"), "{\"a\" : \"\\u00e9\"}"), @r#"42["notification",{"a" : "\u00e9"}]"#);
    insta::assert_snapshot!(publication("/custom", Some("n\"1"), "\"text\""), @r#"42/custom,["n\"1","text"]"#);
    insta::assert_snapshot!(publication("/", None, "[1]"), @r#"42["message",{"topic":"user:7:notification","id":"k/0/5/0","payload":[1]}]"#);
}

/// A client closes the connection for an event with a reserved name, whoever published it.
#[test]
fn a_publication_with_a_reserved_name_closes_no_client() {
    insta::assert_snapshot!(publication("/", Some("disconnect"), "1"), @r#"42["message",{"topic":"user:7:notification","id":"k/0/5/0","event":"disconnect","payload":1}]"#);
}

/// socketioxide #232: under load other packets came between a header and its attachments.
#[test]
fn regression_attachments_follow_their_header() {
    let mut out = BytesMut::new();
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    put_event(
        "/",
        None,
        "a",
        &[placeholder],
        &[Bytes::from_static(b"xyz")],
        &mut out,
    );
    let opcodes: Vec<Opcode> = frame::server_frames(&out)
        .map(|frame| frame.opcode)
        .collect();
    assert_eq!(
        opcodes,
        [Opcode::Text, Opcode::Binary],
        "one run of bytes, queued at once"
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("_placeholder")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("num|_placeholder|[a-z]{0,3}", inner, 0..3)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(Value::to_string).collect()
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// Reads as a server what was encoded for a client: events and acks are alike in both directions.
fn read_frames(frames: &[u8]) -> Packet<'static> {
    let limits = PacketLimits {
        attachments: 10,
        bytes: 1 << 20,
    };
    let mut decoder = Decoder::default();
    let mut packet = None;
    for frame in frame::server_frames(frames) {
        assert_eq!(packet, None, "nothing behind a whole packet");
        packet = match frame.opcode {
            Opcode::Binary => decoder.binary(frame.payload.into(), limits),
            _ => {
                let text = std::str::from_utf8(frame.payload).expect("text");
                decoder
                    .text(text.strip_prefix('4').expect("a message"), limits)
                    .map(|packet| packet.map(Packet::into_owned))
            }
        }
        .expect("a packet");
    }
    packet.expect("whole")
}

proptest! {
    #[test]
    fn events_and_acks_round_trip(
        namespace in "/|/[^,?\\p{Cc}]{1,9}",
        name: String,
        id in proptest::option::of(0u64..10_000_000_000_000_000),
        args in proptest::collection::vec(any_json(), 0..4),
        attachments in proptest::collection::vec(any::<Vec<u8>>(), 0..4),
    ) {
        prop_assume!(!is_reserved(&name));
        // Objects that would be placeholders by chance are not what this is about.
        prop_assume!(!texts(&args).iter().any(|arg| arg.contains(r#""_placeholder":true"#)));
        let mut args = texts(&args);
        let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
        for num in 0..attachments.len() {
            args.push(format!(r#"[{{"_placeholder":true,"num":{num}}}]"#));
        }
        let mut out = BytesMut::new();
        put_event(&namespace, id, &name, &refs(&args), &attachments, &mut out);
        let packet = read_frames(&out);
        prop_assert_eq!(&*packet.namespace, &*namespace);
        let event = event(packet);
        prop_assert_eq!((&*event.name, event.id), (&*name, id));
        prop_assert_eq!(list(&event.args), args.clone());
        prop_assert_eq!(&event.attachments, &attachments);

        let id = id.unwrap_or(0);
        out.clear();
        put_ack(&namespace, id, &refs(&args), &attachments, &mut out);
        let Kind::Ack { id: read_id, args: read_args, attachments: read_attachments } = read_frames(&out).kind else {
            panic!("no ack");
        };
        prop_assert_eq!((read_id, list(&read_args), read_attachments), (id, args, attachments));
    }

    #[test]
    fn a_publication_is_one_event_whatever_it_holds(event_name in proptest::option::of(any::<String>()), id: String, payload in any_json()) {
        let mut out = BytesMut::new();
        put_publication("/n", "a:b", event_name.as_deref(), &id, payload.to_string().as_bytes(), &mut out);
        let event = event(read_frames(&out));
        let args = list(&event.args);
        prop_assert_eq!(args.len(), 1);
        let arg: Value = serde_json::from_str(&args[0]).expect("JSON");
        match event_name {
            Some(name) => {
                prop_assert_eq!(&*event.name, &*name);
                prop_assert_eq!(arg, payload);
            }
            None => {
                prop_assert_eq!(&*event.name, "message");
                prop_assert_eq!(arg, json!({"topic": "a:b", "id": id, "payload": payload}));
            }
        }
    }

    #[test]
    fn connect_answers_are_json(sid: String, message: String, data in proptest::option::of(any_json())) {
        let answer = sent(|out| put_connect("/n", &sid, out));
        let value: Value = serde_json::from_str(answer.strip_prefix("40/n,").expect("CONNECT")).expect("JSON");
        prop_assert_eq!(value, json!({ "sid": sid }));
        let text = data.as_ref().map(Value::to_string);
        let answer = sent(|out| put_connect_error("/", &message, text.as_deref(), out));
        let value: Value = serde_json::from_str(answer.strip_prefix("44").expect("CONNECT_ERROR")).expect("JSON");
        prop_assert_eq!(&value["message"], &json!(message));
        prop_assert_eq!(value.get("data"), data.as_ref());
    }

    /// Against an oracle of another make: values are built, and placeholders looked for in them.
    #[test]
    fn placeholders_are_found_as_in_built_values(args in proptest::collection::vec(any_json(), 0..3), nums in proptest::collection::vec(0u32..4, 0..4), count in 0usize..4) {
        let mut all = args;
        all.extend(nums.iter().map(|num| json!([{"_placeholder": true, "num": num}])));
        let mut found = Vec::new();
        let good = all.iter().all(|arg| placeholders(arg, &mut found));
        found.sort_unstable();
        let expected = good && found == (0..count as u64).collect::<Vec<_>>();
        all.insert(0, json!("name"));
        let text = format!("5{count}-{}", Value::from(all));
        let read = Decoder::default().text(&text, PacketLimits { attachments: 4, bytes: 1 << 20 });
        prop_assert_eq!(read.is_ok(), expected, "{}: {:?}", text, read);
    }

    #[test]
    fn arbitrary_messages_never_panic(messages in proptest::collection::vec((any::<bool>(), "[0-6]{0,2}[-/a,]{0,3}.{0,20}|.{0,20}"), 0..6)) {
        let mut decoder = Decoder::default();
        for (binary, data) in &messages {
            let read = if *binary {
                decoder.binary(data.as_bytes().into(), LIMITS)
            } else {
                decoder.text(data, LIMITS)
            };
            if read.is_err() {
                prop_assert!(!decoder.is_pending(), "nothing is kept after an error");
            }
        }
    }
}

/// Collects the numbers of placeholders; `false` = a malformed one.
fn placeholders(value: &Value, found: &mut Vec<u64>) -> bool {
    match value {
        Value::Array(all) => all.iter().all(|one| placeholders(one, found)),
        Value::Object(map) if map.get("_placeholder") == Some(&Value::Bool(true)) => {
            let num = map.get("num").and_then(Value::as_u64);
            found.extend(num);
            num.is_some() && map.len() == 2
        }
        Value::Object(map) => map.values().all(|one| placeholders(one, found)),
        _ => true,
    }
}
