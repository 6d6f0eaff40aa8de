//! Joining and leaving namespaces.

use super::*;

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
