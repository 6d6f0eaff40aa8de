//! Frames that no honest client sends: each ends its own connection with the right code.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::frames::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame, masked_head, text, unmasked,
};
use tidegate_tests::raw::{Raw, UPGRADE};
use tidegate_tests::setup::Setup;

/// Sends each on a connection of its own; all must end with `code`, and the broker goes on.
async fn all_end_with(code: u16, cases: &[(&str, Vec<u8>)]) {
    let broker = Broker::start().await;
    let mut bystander = Client::connect(&broker).await;
    bystander.listen(&["channel:update"]).await;
    for (name, bytes) in cases {
        let mut raw = Raw::upgraded(broker.address).await;
        raw.send(bytes).await;
        assert_eq!(raw.close_code().await, Some(code), "{name}");
        raw.end().await;
    }
    bystander.expect_nothing_before_pong().await;
}

#[tokio::test]
async fn breaches_of_the_protocol_are_1002() {
    let ping = r#"{"type":"PING"}"#.as_bytes();
    let long = [b'x'; 126];
    all_end_with(
        1002,
        &[
            ("unmasked text", unmasked(FIN | TEXT, ping)),
            ("unmasked ping", unmasked(FIN | PING, b"")),
            ("reserved bit 1", frame(FIN | 0x40 | TEXT, ping)),
            ("reserved bit 2", frame(FIN | 0x20 | TEXT, ping)),
            ("reserved bit 3", frame(FIN | 0x10 | TEXT, ping)),
            ("reserved data opcode", frame(FIN | 0x3, ping)),
            ("reserved control opcode", frame(FIN | 0xB, b"")),
            ("fragmented ping", frame(PING, b"")),
            ("ping of 126 bytes", frame(FIN | PING, &long)),
            ("pong of 126 bytes", frame(FIN | PONG, &long)),
            ("continuation of nothing", frame(FIN | CONTINUATION, ping)),
            (
                "text inside a fragmented text",
                [frame(TEXT, b"{"), text("{}")].concat(),
            ),
            ("close with half a code", frame(FIN | CLOSE, &[3])),
            (
                "close with code 999",
                frame(FIN | CLOSE, &999_u16.to_be_bytes()),
            ),
            (
                "close with code 1005",
                frame(FIN | CLOSE, &1005_u16.to_be_bytes()),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn binary_is_1003() {
    all_end_with(1003, &[("binary", frame(FIN | BINARY, b"{}"))]).await;
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_1007() {
    all_end_with(
        1007,
        &[
            ("stray byte", frame(FIN | TEXT, b"{\"type\":\"\xff\"}")),
            ("surrogate", frame(FIN | TEXT, b"\xed\xa0\x80")),
            ("cut at the end", frame(FIN | TEXT, b"\xe2\x82")),
            (
                "bad over two fragments",
                [frame(TEXT, b"\xe2"), frame(FIN | CONTINUATION, b"\x28\xa1")].concat(),
            ),
            (
                "close reason",
                frame(
                    FIN | CLOSE,
                    &[&1000_u16.to_be_bytes()[..], b"\xff"].concat(),
                ),
            ),
        ],
    )
    .await;
}

/// Refused by the header alone: the payload never comes.
#[tokio::test]
async fn huge_frames_are_1009() {
    let one_too_long = (64 << 10) + 1;
    let fragments = [
        frame(TEXT, &[b' '; 40 << 10]),
        frame(CONTINUATION, &[b' '; 40 << 10]),
    ];
    all_end_with(
        1009,
        &[
            (
                "one byte above the limit",
                masked_head(FIN | TEXT, one_too_long),
            ),
            ("a terabyte", masked_head(FIN | TEXT, 1 << 40)),
            ("nearly 2^63", masked_head(FIN | TEXT, i64::MAX as u64)),
            ("fragments above the limit", fragments.concat()),
        ],
    )
    .await;
}

#[tokio::test]
async fn fragments_without_end_are_1009() {
    let broker = Broker::start().await;
    let mut raw = Raw::upgraded(broker.address).await;
    raw.send(&frame(TEXT, b"")).await;
    let some = frame(CONTINUATION, &[b' '; 1024]);
    // 1 MiB against a limit of 64 KiB, unless it is cut before.
    for _ in 0..1024 {
        if !raw.try_send(&some).await {
            break;
        }
    }
    assert_eq!(raw.close_code().await, Some(1009));
}

#[tokio::test]
async fn empty_fragments_without_end_are_stopped() {
    let settings = "[limits]\nmessages_per_second = 100\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut raw = Raw::upgraded(broker.address).await;
    raw.send(&frame(TEXT, b"")).await;
    let many = frame(CONTINUATION, b"").repeat(1000);
    for _ in 0..50 {
        if !raw.try_send(&many).await {
            break;
        }
    }
    let code = raw.close_code().await;
    assert!(matches!(code, Some(4008 | 1009)), "{code:?}");
}

#[tokio::test]
async fn the_largest_message_is_taken() {
    let broker = Broker::start().await;
    let mut raw = Raw::upgraded(broker.address).await;
    let mut ping = r#"{"type":"PING"}"#.to_owned();
    ping.push_str(&" ".repeat((64 << 10) - ping.len()));
    raw.send(&text(&ping)).await;
    assert_eq!(raw.frame().await.unwrap().payload, br#"{"type":"PONG"}"#);
}

#[tokio::test]
async fn control_frames_inside_a_fragmented_message_are_answered() {
    let broker = Broker::start().await;
    let mut raw = Raw::upgraded(broker.address).await;
    raw.send(&frame(TEXT, br#"{"type":"#)).await;
    raw.send(&frame(FIN | PING, b"are you there")).await;
    let pong = raw.frame().await.unwrap();
    assert_eq!(
        (pong.opcode, pong.payload.as_slice()),
        (PONG, &b"are you there"[..])
    );
    raw.send(&frame(CONTINUATION, b"")).await;
    raw.send(&frame(FIN | CONTINUATION, br#""PING"}"#)).await;
    assert_eq!(raw.frame().await.unwrap().payload, br#"{"type":"PONG"}"#);
}

/// Frames in the same segment as the request, and frames that come byte by byte.
#[tokio::test]
async fn it_does_not_matter_how_bytes_are_cut() {
    let broker = Broker::start().await;
    let ping = text(r#"{"type":"PING"}"#);
    let mut eager = Raw::dial(broker.address).await;
    eager
        .send(&[UPGRADE.as_bytes(), &ping, &ping, &ping[..5]].concat())
        .await;
    assert!(eager.head().await.starts_with("HTTP/1.1 101 "));
    for _ in 0..2 {
        assert_eq!(eager.frame().await.unwrap().payload, br#"{"type":"PONG"}"#);
    }
    eager.send(&ping[5..]).await;
    assert_eq!(eager.frame().await.unwrap().payload, br#"{"type":"PONG"}"#);
    let listen = json!({"type": "LISTEN", "nonce": "slow", "data": {"topics": ["channel:a"]}});
    for byte in text(&listen.to_string()) {
        eager.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let response = br#"{"type":"RESPONSE","error":"","nonce":"slow"}"#;
    assert_eq!(eager.frame().await.unwrap().payload, response);
}
