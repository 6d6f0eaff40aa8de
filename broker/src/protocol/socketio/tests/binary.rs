//! Attachments and their placeholders.

use super::*;

#[test]
fn suite_message_binary_attachments() {
    let text = r#"52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let event = event(read_all(text, &[&[1, 2, 3], &[4, 5, 6]]).expect("an event"));
    assert_eq!(event.attachments, [&[1u8, 2, 3][..], &[4, 5, 6]]);
    let args: Vec<&str> = event.args.list().into_iter().map(|arg| arg.get()).collect();
    insta::assert_snapshot!(sent(|out| put_event("/", None, "message-back", &args, &event.attachments, out)), @r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] <3 bytes> <3 bytes>"#);
}

#[test]
fn suite_message_binary_with_ack() {
    let text = r#"51-789["message-with-ack",{"_placeholder":true,"num":0}]"#;
    let event = event(read_all(text, &[b"abc"]).expect("an event"));
    assert_eq!(event.id, Some(789));
    insta::assert_snapshot!(sent(|out| put_ack("/", 789, &[r#"{"_placeholder":true,"num":0}"#], &event.attachments, out)), @r#"461-789[{"_placeholder":true,"num":0}] <3 bytes>"#);
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
