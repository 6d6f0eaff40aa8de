//! Any polling body: its packets come out of frames and bodies of ours as they went in. Any query
//! gives a session id that may stand in a header.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::protocol::engineio::{Body, Packet, Request, packets};
use tidegate_fuzz::protocol::frame::{self, Opcode};

fuzz_target!(|input: (u16, bool, Vec<u8>)| {
    let (max, websocket, bytes) = input;
    if let Ok(text) = std::str::from_utf8(&bytes) {
        request(text, websocket);
    }
    let Ok(packets) = packets(&bytes) else { return };
    let read: Vec<Packet<'_>> = packets.map_while(Result::ok).collect();
    let mut frames = BytesMut::new();
    read.iter().for_each(|packet| packet.put_frame(&mut frames));
    over_websocket(&read, &frames);
    over_polling(&read, &frames, usize::from(max));
});

fn request(query: &str, websocket: bool) {
    for method in ["GET", "POST"] {
        let Ok(request) = Request::parse(method, query, websocket) else {
            continue;
        };
        if let Request::Poll { sid } | Request::Post { sid } | Request::Upgrade { sid } = request {
            assert!(sid.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}

fn over_websocket(expected: &[Packet<'_>], frames: &[u8]) {
    let mut count = 0;
    for (frame, expected) in frame::server_frames(frames).zip(expected) {
        let packet = match frame.opcode {
            Opcode::Binary => Packet::from_binary(frame.payload),
            _ => Packet::from_text(std::str::from_utf8(frame.payload).expect("text"))
                .expect("our own packet"),
        };
        assert_eq!(packet, *expected);
        count += 1;
    }
    assert_eq!(count, expected.len());
}

fn over_polling(expected: &[Packet<'_>], mut frames: &[u8], max: usize) {
    let mut expected = expected.iter();
    while !frames.is_empty() {
        let mut body = Body::new(max);
        let taken = body.push_frames(frames);
        assert!(taken > 0, "every body takes at least one packet");
        frames = &frames[taken..];
        let body = body.finish();
        let mut count = 0;
        for packet in packets(&body).expect("text") {
            assert_eq!(packet.as_ref().ok(), expected.next());
            count += 1;
        }
        assert!(body.len() <= max || count == 1);
    }
    assert_eq!(expected.next(), None);
}
