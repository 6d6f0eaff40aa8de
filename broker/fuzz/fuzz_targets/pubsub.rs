//! Any text as a command; whatever was taken as a publication comes out as one good frame.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate_fuzz::protocol::pubsub::{self, Command};

fuzz_target!(|text: &str| {
    let Ok(Command::Publish { event, message, .. }) = pubsub::parse(text) else {
        return;
    };
    let mut out = BytesMut::from(&b"what was there before"[..]);
    let before = out.len();
    pubsub::put_message_frame(
        "a:topic",
        event.as_deref(),
        "id",
        message.get().as_bytes(),
        &mut out,
    );
    let frame = &out[before..];
    let (head, length) = match frame[1] {
        126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
        127 => {
            let bytes = frame[2..10].try_into().expect("eight bytes");
            (
                10,
                usize::try_from(u64::from_be_bytes(bytes)).expect("a length"),
            )
        }
        short => (2, usize::from(short)),
    };
    assert_eq!((frame[0], frame.len()), (0x81, head + length));
    let value: Value = serde_json::from_slice(&frame[head..]).expect("the frame is JSON");
    let Value::String(sent) = &value["data"]["message"] else {
        panic!("the message is no string: {value}");
    };
    match serde_json::from_str(message.get()) {
        Ok(Value::String(string)) => assert_eq!(*sent, string),
        _ => assert_eq!(sent, message.get().trim_ascii()),
    }
    assert_eq!(value["data"]["event"].as_str(), event.as_deref());
});
