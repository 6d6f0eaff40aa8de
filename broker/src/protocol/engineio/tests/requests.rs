//! Handshakes and requests of a session.

use super::*;

#[test]
fn suite_handshake_open_has_exactly_five_keys() {
    let mut handshake = Handshake {
        sid: "m1.0-abc",
        upgradable: true,
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 1_000_000,
    };
    insta::assert_snapshot!(body(&[Packet::Open(&handshake.json())]), @r#"0{"sid":"m1.0-abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#);
    handshake.upgradable = false;
    assert!(handshake.json().contains(r#""upgrades":[],"#));
}

fn asked<'a>(method: &str, query: &'a str) -> Result<Request<'a>, Refusal> {
    Request::parse(method, query, false)
}

fn upgrade(query: &str) -> Result<Request<'_>, Refusal> {
    Request::parse("GET", query, true)
}

#[test]
fn suite_handshake_polling() {
    let handshake = |base64| Request::Handshake {
        transport: Transport::Polling,
        base64,
    };
    assert_eq!(
        asked("GET", "EIO=4&transport=polling"),
        Ok(handshake(false))
    );
    assert_eq!(
        asked("GET", "b64=1&t=Pz3x&EIO=4&transport=polling"),
        Ok(handshake(true))
    );
    for query in [
        "transport=polling",
        "EIO=abc&transport=polling",
        "EIO=3&transport=polling",
    ] {
        assert_eq!(
            asked("GET", query),
            Err(Refusal::UnsupportedVersion),
            "{query}"
        );
    }
    for query in [
        "EIO=4",
        "EIO=4&transport=abc",
        "",
        "EIO=4&transport=webtransport",
    ] {
        assert_eq!(
            asked("GET", query),
            Err(Refusal::TransportUnknown),
            "{query}"
        );
    }
    for method in ["POST", "PUT", "HEAD", "get"] {
        let refused = asked(method, "EIO=4&transport=polling");
        assert_eq!(refused, Err(Refusal::BadHandshakeMethod), "{method}");
    }
}

#[test]
fn suite_handshake_websocket() {
    let handshake = Request::Handshake {
        transport: Transport::WebSocket,
        base64: false,
    };
    assert_eq!(upgrade("EIO=4&transport=websocket"), Ok(handshake));
    assert_eq!(
        upgrade("transport=websocket"),
        Err(Refusal::UnsupportedVersion)
    );
    assert_eq!(
        upgrade("EIO=abc&transport=websocket"),
        Err(Refusal::UnsupportedVersion)
    );
    assert_eq!(upgrade("EIO=4"), Err(Refusal::TransportUnknown));
    assert_eq!(
        upgrade("EIO=4&transport=abc"),
        Err(Refusal::TransportUnknown)
    );
    assert_eq!(upgrade("EIO=4&transport=polling"), Err(Refusal::BadRequest));
    let not_upgraded = asked("GET", "EIO=4&transport=websocket");
    assert_eq!(not_upgraded, Err(Refusal::BadRequest));
}

#[test]
fn requests_of_a_session() {
    let sid = "148ed1a3.0-Zz_9";
    let polling = format!("EIO=4&transport=polling&t=1&sid={sid}");
    let websocket = format!("sid={sid}&EIO=4&transport=websocket");
    assert_eq!(asked("GET", &polling), Ok(Request::Poll { sid }));
    assert_eq!(asked("POST", &polling), Ok(Request::Post { sid }));
    assert_eq!(asked("PUT", &polling), Err(Refusal::BadRequest));
    assert_eq!(upgrade(&websocket), Ok(Request::Upgrade { sid }));
    assert_eq!(asked("GET", &websocket), Err(Refusal::BadRequest));
    assert_eq!(upgrade(&polling), Err(Refusal::BadRequest));
    let empty = asked("GET", "EIO=4&transport=polling&sid=");
    assert!(matches!(empty, Ok(Request::Handshake { .. })), "{empty:?}");
}

#[test]
fn a_sid_that_could_break_a_header_is_unknown() {
    let long = "a".repeat(MAX_SID_BYTES + 1);
    for sid in ["a%0d%0ab", "a b", "a\r\nb", "a;b", "é", "a&sid=b", &long] {
        let query = format!("EIO=4&transport=polling&sid={sid}");
        assert_eq!(asked("GET", &query), Err(Refusal::SessionUnknown), "{sid}");
    }
}

/// socketioxide writes the code as a string.
#[test]
fn regression_error_codes_are_numbers() {
    let all = [
        Refusal::TransportUnknown,
        Refusal::SessionUnknown,
        Refusal::BadHandshakeMethod,
        Refusal::BadRequest,
        Refusal::Forbidden,
        Refusal::UnsupportedVersion,
    ];
    let replies: Vec<String> = all
        .iter()
        .map(|it| format!("{} {}", it.status(), it.json()))
        .collect();
    insta::assert_snapshot!(replies.join("\n"), @r#"
    400 {"code":0,"message":"Transport unknown"}
    400 {"code":1,"message":"Session ID unknown"}
    400 {"code":2,"message":"Bad handshake method"}
    400 {"code":3,"message":"Bad request"}
    403 {"code":4,"message":"Forbidden"}
    400 {"code":5,"message":"Unsupported protocol version"}
    "#);
    assert_eq!(Refusal::SessionUnknown.message(), "Session ID unknown");
}
