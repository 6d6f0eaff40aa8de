//! Whatever a client sends: no panic, no message above the limit, and the same events however
//! the bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_fuzz::protocol::frame::FrameError;
use tidegate_fuzz::protocol::message::{Decoder, Event, MessageLimits, Step};

const LIMITS: MessageLimits = MessageLimits {
    frame: 300,
    message: 500,
};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (cut, bytes) = input;
    let whole = read([bytes.as_slice()].into_iter());
    let pieces = read(bytes.chunks(usize::from(cut).max(1)));
    assert_eq!(whole, pieces);
});

/// The events of all bytes, and the error that ended them.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, Option<FrameError>) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    let mut pending = Vec::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            let taken = match decoder.next(&mut pending, LIMITS) {
                Ok(Step::Need) => break,
                Ok(Step::Taken(taken)) => taken,
                Ok(Step::Event(event, taken)) => {
                    check(&event);
                    events.push(format!("{event:?}"));
                    taken
                }
                Err(error) => return (events, Some(error)),
            };
            assert!((1..=pending.len()).contains(&taken));
            pending.drain(..taken);
        }
    }
    (events, None)
}

fn check(event: &Event<'_>) {
    match event {
        Event::Text(text) => assert!(text.len() <= LIMITS.message),
        Event::Binary(bytes) => assert!(bytes.len() <= LIMITS.message),
        Event::Ping(payload) => assert!(payload.len() <= 125),
        Event::Pong | Event::Fragment => {}
        Event::Close(code) => assert!(code.is_none_or(|code| (1000..5000).contains(&code))),
    }
}
