//! Events and acknowledgements in text, and what is none.

use super::*;

#[test]
fn suite_message_text() {
    let event = event(read(r#"2["message",1,"2",{"3":[true]}]"#).expect("an event"));
    assert_eq!((&*event.name, event.id), ("message", None));
    assert_eq!(list(&event.args), ["1", "\"2\"", r#"{"3":[true]}"#]);
    let args: Vec<&str> = event.args.list().into_iter().map(|arg| arg.get()).collect();
    insta::assert_snapshot!(sent(|out| put_event("/", None, "message-back", &args, &[], out)), @r#"42["message-back",1,"2",{"3":[true]}]"#);
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
