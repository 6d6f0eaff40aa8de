//! Frames, messages and commands from arbitrary bytes: nothing may panic, and no step may go on
//! for ever. `RUSTC_BOOTSTRAP=1 cargo fuzz run codecs` in `broker`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::protocol::message::{Decoder, Event, MessageLimits, Step};
use tidegate::protocol::pubsub;

const LIMITS: MessageLimits = MessageLimits {
    frame: 4_096,
    message: 8_192,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = pubsub::parse(text);
    }
    let mut input = bytes.to_vec();
    let mut decoder = Decoder::default();
    let mut at = 0;
    while let Ok(step) = decoder.next(&mut input[at..], LIMITS) {
        match step {
            Step::Need => break,
            Step::Taken(taken) => at += taken,
            Step::Event(event, taken) => {
                at += taken;
                if let Event::Text(text) = event {
                    let _ = pubsub::parse(&text);
                }
            }
        }
    }
});
