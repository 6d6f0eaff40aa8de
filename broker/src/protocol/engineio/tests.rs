mod requests;

use std::borrow::Cow;
use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::protocol::frame::{self, Opcode};

fn read(body: &str) -> Result<Vec<Packet<'_>>, PacketError> {
    packets(body.as_bytes())?.collect()
}

fn binary(bytes: &[u8]) -> Packet<'_> {
    Packet::from_binary(bytes)
}

/// The polling body of these packets.
fn body(packets: &[Packet<'_>]) -> String {
    let mut frames = BytesMut::new();
    packets
        .iter()
        .for_each(|packet| packet.put_frame(&mut frames));
    let mut body = Body::new(usize::MAX);
    assert_eq!(body.push_frames(&frames), frames.len());
    String::from_utf8(body.finish().to_vec()).expect("bodies are text")
}

#[test]
fn each_packet_is_read() {
    let read = |text| Packet::from_text(text).expect("a packet");
    assert_eq!(read("0{}"), Packet::Open("{}"));
    assert_eq!(read("1"), Packet::Close);
    assert_eq!(read("2"), Packet::Ping { probe: false });
    assert_eq!(read("2probe"), Packet::Ping { probe: true });
    assert_eq!(read("3"), Packet::Pong { probe: false });
    assert_eq!(read("3probe"), Packet::Pong { probe: true });
    assert_eq!(read("4hello €"), Packet::Message("hello €"));
    assert_eq!(read("4"), Packet::Message(""));
    assert_eq!(read("5"), Packet::Upgrade);
    assert_eq!(read("6"), Packet::Noop);
    assert_eq!(read("bAQIDBA=="), binary(&[1, 2, 3, 4]));
    assert_eq!(read("b"), binary(&[]));
}

#[test]
fn what_is_no_packet_is_refused_by_name() {
    let error = |text| Packet::from_text(text).expect_err("no packet");
    assert_eq!(error(""), PacketError::Empty);
    for (text, kind) in [
        ("abc", 'a'),
        ("7", '7'),
        ("é", 'é'),
        ("\0", '\0'),
        (" 2", ' '),
    ] {
        assert_eq!(error(text), PacketError::UnknownType(kind));
    }
    for base64 in [
        "bA", "bAAA", "bAQ", "bAQ=", "bAR==", "bAQ==\n", "b-_8=", "b====",
    ] {
        assert_eq!(error(base64), PacketError::Base64, "{base64}");
    }
    assert_eq!(packets(b"4\xFF").expect_err("no text"), PacketError::Utf8);
}

/// engineioxide takes `2xyz` for a ping and `1xyz` for a close.
#[test]
fn regression_data_that_a_packet_cannot_have() {
    for text in [
        "1xyz", "2xyz", "2probe2", "2 ", "3xyz", "3Probe", "5probe", "60",
    ] {
        let kind = text.chars().next().expect("a type");
        assert_eq!(
            Packet::from_text(text),
            Err(PacketError::UnexpectedData(kind))
        );
    }
}

/// engineioxide takes a client's ping for a pong; the reference closes the session.
#[test]
fn regression_the_direction_of_a_packet_is_known() {
    let for_server = |text| Packet::from_text(text).expect("a packet").is_for_server();
    for text in ["1", "2probe", "3", "4x", "bAQ==", "5"] {
        assert!(for_server(text), "{text}");
    }
    for text in ["0{}", "2", "3probe", "6"] {
        assert!(!for_server(text), "{text}");
    }
}

#[test]
fn suite_message_polling_one_text() {
    assert_eq!(read("4hello"), Ok(vec![Packet::Message("hello")]));
    assert_eq!(body(&[Packet::Message("hello")]), "4hello");
}

#[test]
fn suite_message_polling_several() {
    let all = [
        Packet::Message("test1"),
        Packet::Message("test2"),
        Packet::Message("test3"),
    ];
    assert_eq!(read("4test1\x1e4test2\x1e4test3"), Ok(all.to_vec()));
    assert_eq!(body(&all), "4test1\x1e4test2\x1e4test3");
}

#[test]
fn suite_message_polling_text_and_binary() {
    let all = [Packet::Message("hello"), binary(&[1, 2, 3, 4])];
    assert_eq!(read("4hello\x1ebAQIDBA=="), Ok(all.to_vec()));
    assert_eq!(body(&all), "4hello\x1ebAQIDBA==");
}

#[test]
fn suite_message_polling_invalid_packet() {
    assert_eq!(read("abc"), Err(PacketError::UnknownType('a')));
    let mut some = packets(b"4good\x1eabc\x1e4never").expect("text");
    assert_eq!(some.next(), Some(Ok(Packet::Message("good"))));
    assert_eq!(some.next(), Some(Err(PacketError::UnknownType('a'))));
    assert_eq!(some.next(), None, "nothing after an error");
}

#[test]
fn suite_message_websocket() {
    assert_eq!(Packet::from_text("4hello"), Ok(Packet::Message("hello")));
    assert_eq!(&Packet::Message("hello").frame()[..], b"\x81\x064hello");
    let sent = Packet::from_binary(&[1, 2, 3, 4]).frame();
    assert_eq!(&sent[..], &[0x82, 4, 1, 2, 3, 4], "binary has no type");
    assert_eq!(Packet::from_text("abc"), Err(PacketError::UnknownType('a')));
}

#[test]
fn suite_heartbeat_close_and_upgrade_packets() {
    for (packet, text) in [
        (Packet::Ping { probe: false }, "2"),
        (Packet::Pong { probe: true }, "3probe"),
        (Packet::Close, "1"),
        (Packet::Noop, "6"),
        (Packet::Upgrade, "5"),
    ] {
        assert_eq!(body(std::slice::from_ref(&packet)), text);
        assert_eq!(Packet::from_text(text), Ok(packet));
    }
}

/// engineioxide 0.17.4: its parked encoder forgot a separator.
#[test]
fn regression_no_separator_is_missing_or_too_much() {
    for text in ["", "\x1e", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b"] {
        assert_eq!(read(text), Err(PacketError::Empty), "{text:?}");
    }
    // What one GET takes in several turns is one body too.
    let mut body = Body::new(100);
    assert!(body.is_empty());
    body.push_frames(b"");
    body.push_frames(&Packet::Message("a").frame());
    body.push_frames(b"");
    body.push_frames(&binary(b"").frame());
    body.push_frames(&frame::encode(Opcode::Ping, b"of the WebSocket itself"));
    body.push_frames(&Packet::Noop.frame());
    assert_eq!(&body.finish()[..], b"4a\x1eb\x1e6");
}

#[test]
fn a_body_is_bounded_at_a_packet() {
    let mut frames = BytesMut::new();
    let sizes: Vec<usize> = [Packet::Message("12345"), binary(b"1234"), Packet::Noop]
        .iter()
        .map(|packet| {
            packet.put_frame(&mut frames);
            frames.len()
        })
        .collect();
    for (max, text, taken) in [
        (18, "412345\x1ebMTIzNA==\x1e6", 2),
        (17, "412345\x1ebMTIzNA==", 1),
        (16, "412345\x1ebMTIzNA==", 1),
        (15, "412345", 0),
        (1, "412345", 0),
    ] {
        let mut body = Body::new(max);
        assert_eq!(body.push_frames(&frames), sizes[taken], "max {max}");
        assert_eq!(&body.finish()[..], text.as_bytes(), "max {max}");
    }
}

fn any_packet() -> impl Strategy<Value = (u8, String, Vec<u8>)> {
    let text = "[^\u{1e}]{0,20}";
    (0u8..9, text, proptest::collection::vec(any::<u8>(), 0..200))
}

fn packet((kind, text, bytes): &(u8, String, Vec<u8>)) -> Packet<'_> {
    match kind {
        0 => Packet::Open(text),
        1 => Packet::Close,
        2 => Packet::Ping {
            probe: bytes.len() % 2 == 0,
        },
        3 => Packet::Pong {
            probe: bytes.len() % 2 == 0,
        },
        4 | 5 => Packet::Message(text),
        6 => Packet::Upgrade,
        7 => Packet::Noop,
        _ => Packet::Binary(Cow::Borrowed(bytes)),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_on_both_transports(parts in proptest::collection::vec(any_packet(), 1..12), max in 0usize..600) {
        let sent: Vec<Packet<'_>> = parts.iter().map(packet).collect();
        let mut frames = BytesMut::new();
        sent.iter().for_each(|packet| packet.put_frame(&mut frames));

        let over_websocket: Vec<Packet<'_>> = frame::server_frames(&frames)
            .map(|frame| match frame.opcode {
                Opcode::Binary => Packet::from_binary(frame.payload),
                _ => Packet::from_text(std::str::from_utf8(frame.payload).expect("text")).expect("a packet"),
            })
            .collect();
        prop_assert_eq!(&over_websocket, &sent);

        let (mut rest, mut bodies) = (&frames[..], Vec::new());
        while !rest.is_empty() {
            let mut body = Body::new(max);
            rest = &rest[body.push_frames(rest)..];
            bodies.push(body.finish());
        }
        let mut over_polling = Vec::new();
        for body in &bodies {
            let packets: Vec<_> = packets(body).expect("text").collect::<Result<_, _>>().expect("packets");
            prop_assert!(body.len() <= max || packets.len() == 1);
            over_polling.extend(packets);
        }
        prop_assert_eq!(&over_polling, &sent);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
        let _ = packets(&bytes).map(Iterator::count);
        let _ = Packet::from_text(&text);
        let _ = Body::new(3).push_frames(&bytes);
        let _ = Request::parse("GET", &text, true);
    }

    #[test]
    fn arbitrary_text_is_read_as_it_would_be_written(text: String) {
        let text = if text.len() % 2 == 0 { text } else { format!("{}{text}", text.len() % 9) };
        if let Ok(packet) = Packet::from_text(&text)
            && !matches!(packet, Packet::Binary(_))
        {
            let frame = packet.frame();
            let written = frame::server_frames(&frame).next().expect("a frame");
            prop_assert_eq!(written.payload, text.as_bytes());
        }
    }
}
