use std::borrow::Cow;
use std::fmt::Write;

use crate::is_segment_byte;

/// A subject (or any text) as exactly one topic segment: every byte that a segment may not hold,
/// and `%` itself, is percent-encoded, so that two subjects never meet in one segment.
pub fn encode_segment(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| is_segment_byte(byte) && byte != b'%';
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if plain(byte) {
            out.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_percent_encoded() {
        assert_eq!(encode_segment("alice"), "alice");
        assert_eq!(encode_segment("a:b"), "a%3Ab");
        assert_eq!(encode_segment("a%3Ab"), "a%253Ab");
        assert_eq!(encode_segment("é"), "%C3%A9");
    }
}
