//! Any messages of a client: limits hold, and what was taken is the same after a way through our
//! own encoder.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate_fuzz::protocol::frame::{self, Opcode};
use tidegate_fuzz::protocol::socketio::{
    self, Args, Decoder, Event, Kind, Packet, PacketLimits, is_reserved,
};

const LIMITS: PacketLimits = PacketLimits {
    attachments: 3,
    bytes: 500,
};

/// What is written back has its escapes resolved or made.
const ROOM: PacketLimits = PacketLimits {
    attachments: 3,
    bytes: 1 << 16,
};

fuzz_target!(|messages: Vec<(bool, Vec<u8>)>| {
    let mut decoder = Decoder::default();
    for (binary, data) in &messages {
        let read = if *binary {
            decoder.binary(data.into(), LIMITS)
        } else {
            let Ok(text) = std::str::from_utf8(data) else {
                return;
            };
            decoder.text(text, LIMITS)
        };
        match read {
            Ok(Some(packet)) => check(packet),
            Ok(None) => assert!(decoder.is_pending()),
            Err(_) => return,
        }
    }
});

fn check(packet: Packet<'_>) {
    assert!(packet.namespace.starts_with('/'));
    assert!(packet.namespace.len() <= socketio::MAX_NAMESPACE_BYTES);
    let mut out = BytesMut::new();
    match &packet.kind {
        Kind::Connect { auth, .. } => {
            if let Some(auth) = auth {
                let value = serde_json::from_str(auth);
                assert!(matches!(value, Ok(Value::Object(_)) | Err(_)));
            }
        }
        Kind::Disconnect => {}
        Kind::Event(event) => {
            let Event {
                name,
                id,
                args,
                attachments,
            } = event;
            assert!(!is_reserved(name));
            assert!(attachments.len() <= LIMITS.attachments);
            let args = texts(args);
            socketio::put_event(&packet.namespace, *id, name, &args, attachments, &mut out);
            assert_eq!(
                again(&out).kind_of_event(),
                (&**name, *id, args, &attachments[..])
            );
        }
        Kind::Ack {
            id,
            args,
            attachments,
        } => {
            socketio::put_ack(&packet.namespace, *id, &texts(args), attachments, &mut out);
            assert_eq!(again(&out).0.namespace, packet.namespace);
        }
    }
}

fn texts<'a>(args: &'a Args<'_>) -> Vec<&'a str> {
    args.list().into_iter().map(|arg| arg.get()).collect()
}

struct Again(Packet<'static>);

impl Again {
    fn kind_of_event(&self) -> (&str, Option<u64>, Vec<&str>, &[bytes::Bytes]) {
        match &self.0.kind {
            Kind::Event(event) => (
                &event.name,
                event.id,
                texts(&event.args),
                &event.attachments,
            ),
            other => panic!("no event: {other:?}"),
        }
    }
}

fn again(frames: &[u8]) -> Again {
    let mut decoder = Decoder::default();
    let mut packet = None;
    for frame in frame::server_frames(frames) {
        let read = match frame.opcode {
            Opcode::Binary => decoder.binary(frame.payload.into(), ROOM),
            _ => {
                let text = std::str::from_utf8(frame.payload).expect("text");
                let text = text.strip_prefix('4').expect("a message");
                let read = decoder.text(text, ROOM);
                read.map(|packet| packet.map(Packet::into_owned))
            }
        };
        packet = read.expect("our own packet");
    }
    Again(packet.expect("a whole packet"))
}
