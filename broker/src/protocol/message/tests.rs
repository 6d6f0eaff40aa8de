mod oracle;

use proptest::prelude::*;

use super::*;

const LIMITS: MessageLimits = MessageLimits {
    frame: 1_000,
    message: 2_000,
};

/// A client's frame.
fn client(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 1, 9, 200];
    let mut bytes = vec![if fin { 0x80 } else { 0 } | opcode];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ mask[at % 4]),
    );
    bytes
}

/// All events of `input`, fed `chunk` bytes at a time as a session would.
fn events(input: &[u8], chunk: usize) -> Result<Vec<String>, FrameError> {
    events_within(LIMITS, input, chunk)
}

fn events_within(
    limits: MessageLimits,
    input: &[u8],
    chunk: usize,
) -> Result<Vec<String>, FrameError> {
    let mut decoder = Decoder::default();
    let (mut waiting, mut out) = (Vec::new(), Vec::new());
    for piece in input.chunks(chunk.max(1)) {
        waiting.extend_from_slice(piece);
        let mut at = 0;
        loop {
            match decoder.next(&mut waiting[at..], limits)? {
                Step::Need => break,
                Step::Taken(consumed) => at += consumed,
                Step::Event(event, consumed) => {
                    out.push(format!("{event:?}"));
                    at += consumed;
                }
            }
        }
        waiting.drain(..at);
    }
    Ok(out)
}

#[test]
fn messages_fragments_and_controls_in_between() {
    let input = [
        client(true, 1, b"hi"),
        client(false, 1, "gr\u{fc}".as_bytes()),
        client(true, 9, b"p"),
        client(false, 0, &[0xC3]),
        client(true, 0, &[0x9F, b'e']),
        client(true, 2, &[1, 2]),
        client(true, 8, &[3, 232]),
    ]
    .concat();
    let expected = [
        "Text(\"hi\")",
        "Ping([112])",
        "Text(\"gr\u{fc}\u{df}e\")",
        "Binary([1, 2])",
        "Close(Some(1000))",
    ];
    for chunk in [1, 2, 7, 1_000] {
        assert_eq!(
            events(&input, chunk).expect("good frames"),
            expected,
            "in pieces of {chunk}"
        );
    }
}

#[test]
fn a_fragment_out_of_order_is_an_error() {
    assert_eq!(
        events(&client(true, 0, b"x"), 99),
        Err(FrameError::Protocol)
    );
    let nested = [client(false, 1, b"a"), client(true, 1, b"b")].concat();
    assert_eq!(events(&nested, 99), Err(FrameError::Protocol));
}

#[test]
fn limits_hold_for_frames_and_for_whole_messages() {
    assert_eq!(
        events(&client(true, 1, &[b'a'; 1_001]), 99),
        Err(FrameError::TooBig)
    );
    let endless: Vec<u8> = std::iter::once(client(false, 1, &[b'a'; 900]))
        .chain((0..9).map(|_| client(false, 0, &[b'a'; 900])))
        .flatten()
        .collect();
    assert_eq!(events(&endless, 5_000), Err(FrameError::TooBig));
}

#[test]
fn bad_text_is_refused_at_the_first_bad_fragment() {
    assert_eq!(
        events(&client(true, 1, &[0xFF]), 99),
        Err(FrameError::InvalidText)
    );
    assert_eq!(
        events(&client(false, 1, &[b'a', 0xFF]), 99),
        Err(FrameError::InvalidText)
    );
    let cut = [client(false, 1, &[0xC3]), client(true, 0, b"")].concat();
    assert_eq!(
        events(&cut, 99),
        Err(FrameError::InvalidText),
        "ends inside a character"
    );
}

#[test]
fn close_codes_are_checked() {
    assert_eq!(
        events(&client(true, 8, b""), 99).expect("no code"),
        ["Close(None)"]
    );
    assert_eq!(
        events(&client(true, 8, &[3]), 99),
        Err(FrameError::Protocol)
    );
    assert_eq!(
        events(&client(true, 8, &1005u16.to_be_bytes()), 99),
        Err(FrameError::Protocol)
    );
    let mut bad_reason = 1000u16.to_be_bytes().to_vec();
    bad_reason.push(0xFF);
    assert_eq!(
        events(&client(true, 8, &bad_reason), 99),
        Err(FrameError::InvalidText)
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, chunk in 1usize..64) {
        let _ = events(&bytes, chunk);
    }

    #[test]
    fn any_split_gives_the_same_messages(texts in proptest::collection::vec(".{0,40}", 0..8), chunk in 1usize..64) {
        let input: Vec<u8> = texts.iter().flat_map(|text| client(true, 1, text.as_bytes())).collect();
        let expected: Vec<String> = texts.iter().map(|text| format!("Text({text:?})")).collect();
        prop_assert_eq!(events(&input, chunk).expect("good frames"), expected);
    }
}
