//! Both directions against `fastwebsockets`, an implementation we share no code with.

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket, WebSocketError};
use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::option;
use proptest::sample::{Index, select};
use tokio::io::{empty, join, sink};

use super::*;
use crate::protocol::close::CloseCode;

/// Above all that is generated; 64-bit lengths are among it.
const WIDE: MessageLimits = MessageLimits {
    frame: 1 << 20,
    message: 1 << 20,
};

/// FIN, opcode, payload.
type Sent = (bool, OpCode, Vec<u8>);

/// The frames as its client writes and masks them.
fn written(frames: &[Sent]) -> Vec<u8> {
    let mut client = WebSocket::after_handshake(join(empty(), Vec::new()), Role::Client);
    for (fin, opcode, payload) in frames {
        let frame = Frame::new(*fin, *opcode, None, Payload::Borrowed(payload));
        let writing = client.write_frame(frame).now_or_never();
        writing.expect("a vector is ready").expect("and takes all");
    }
    client.into_inner().into_inner().1
}

/// What it reads, in the words of [`events`].
fn read(bytes: &[u8], role: Role) -> Vec<String> {
    let mut socket = WebSocket::after_handshake(join(bytes, sink()), role);
    socket.set_auto_pong(false);
    socket.set_auto_close(false);
    let mut reader = FragmentCollector::new(socket);
    let mut out = Vec::new();
    loop {
        let frame = match reader.read_frame().now_or_never().expect("bytes are ready") {
            Ok(frame) => frame,
            Err(WebSocketError::UnexpectedEOF) => return out,
            Err(error) => panic!("the oracle refuses it: {error}"),
        };
        out.push(said(frame.opcode, &frame.payload));
    }
}

fn said(opcode: OpCode, payload: &[u8]) -> String {
    let event = match opcode {
        OpCode::Text => Event::Text(std::str::from_utf8(payload).expect("UTF-8").into()),
        OpCode::Binary => Event::Binary(payload.into()),
        OpCode::Ping => Event::Ping(payload),
        OpCode::Pong => Event::Pong,
        OpCode::Close => Event::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        OpCode::Continuation => panic!("a fragment is no message"),
    };
    format!("{event:?}")
}

fn data() -> impl Strategy<Value = (OpCode, Vec<u8>)> {
    prop_oneof![
        8 => any::<String>().prop_map(|text| (OpCode::Text, text.into_bytes())),
        8 => vec(any::<u8>(), 0..300).prop_map(|bytes| (OpCode::Binary, bytes)),
        1 => (65_500_usize..65_600).prop_map(|length| (OpCode::Binary, vec![7; length])),
    ]
}

fn control() -> impl Strategy<Value = (OpCode, Vec<u8>)> {
    (
        select(vec![OpCode::Ping, OpCode::Pong]),
        vec(any::<u8>(), 0..=125),
    )
}

/// A message in fragments, with a control frame behind the first of them.
fn message() -> impl Strategy<Value = Vec<Sent>> {
    let cuts = vec(any::<Index>(), 0..4);
    (data(), cuts, option::of(control())).prop_map(|((opcode, bytes), cuts, between)| {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let last = cuts.len() - 2;
        let fragment = |(at, ends): (usize, &[usize])| {
            let opcode = if at == 0 {
                opcode
            } else {
                OpCode::Continuation
            };
            (at == last, opcode, bytes[ends[0]..ends[1]].to_vec())
        };
        let mut frames: Vec<Sent> = cuts.windows(2).enumerate().map(fragment).collect();
        if let Some((opcode, payload)) = between {
            frames.insert(1, (true, opcode, payload));
        }
        frames
    })
}

fn close() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![1000_u16..=1003, 1007_u16..=1014, 3000_u16..=4999];
    option::of((code, "[a-z\u{fc}]{0,60}")).prop_map(|close| match close {
        Some((code, reason)) => [&code.to_be_bytes(), reason.as_bytes()].concat(),
        None => Vec::new(),
    })
}

proptest! {
    #[test]
    fn we_read_what_its_client_writes(
        messages in vec(message(), 0..6),
        close in close(),
        chunk in 1_usize..300,
    ) {
        let mut frames = messages.concat();
        frames.push((true, OpCode::Close, close));
        let input = written(&frames);
        let ours = events_within(WIDE, &input, chunk).expect("good frames");
        prop_assert_eq!(ours, read(&input, Role::Server));
    }

    #[test]
    fn it_reads_what_we_write(
        messages in vec(prop_oneof![data(), control()], 0..6),
        code in select(CloseCode::ALL.to_vec()),
    ) {
        let (mut output, mut expected) = (Vec::new(), Vec::new());
        for (opcode, payload) in &messages {
            let ours = Opcode::parse(*opcode as u8).expect("an opcode");
            output.extend_from_slice(&frame::encode(ours, payload));
            expected.push(said(*opcode, payload));
        }
        output.extend_from_slice(&frame::encode_close(code));
        expected.push(said(OpCode::Close, &code.code().to_be_bytes()));
        prop_assert_eq!(read(&output, Role::Client), expected);
    }
}
