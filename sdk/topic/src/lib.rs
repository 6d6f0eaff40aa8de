//! Topic names and the patterns that settings use for them.
//!
//! A topic is 1 to 255 bytes: segments of `[A-Za-z0-9._~@|%+-]` joined by `:`, none empty.
//! Clients name exact topics; patterns exist only in settings. The broker and the plugin SDK
//! share this crate, so that a pattern means the same on both sides of the component boundary.

#![forbid(unsafe_code)]

mod pattern;
mod segment;

pub use pattern::{Pattern, PatternError};
pub use segment::encode_segment;

/// The longest topic, in bytes.
pub const MAX_TOPIC_BYTES: usize = 255;

/// Why a text is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    Empty,
    TooLong,
    EmptySegment,
    /// The byte offset of the first byte that no segment may hold.
    BadByte(usize),
}

impl core::fmt::Display for TopicError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Empty => write!(f, "topic is empty"),
            Self::TooLong => write!(f, "topic is longer than {MAX_TOPIC_BYTES} bytes"),
            Self::EmptySegment => write!(f, "topic has an empty segment"),
            Self::BadByte(at) => write!(f, "topic has a forbidden character at byte {at}"),
        }
    }
}

impl core::error::Error for TopicError {}

/// Checks that `text` is a topic.
pub fn check_topic(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_TOPIC_BYTES {
        return Err(TopicError::TooLong);
    }
    let mut previous = b':';
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if byte == b':' {
            if previous == b':' {
                return Err(TopicError::EmptySegment);
            }
        } else if !is_segment_byte(byte) {
            return Err(TopicError::BadByte(at));
        }
        previous = byte;
    }
    if previous == b':' {
        return Err(TopicError::EmptySegment);
    }
    Ok(())
}

pub(crate) const fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'~' | b'@' | b'|' | b'%' | b'+' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_checked() {
        for good in [
            "a",
            "channel:update",
            "user:a%20b:notification",
            "x.y_z~@|+-:1",
        ] {
            assert_eq!(check_topic(good), Ok(()), "{good}");
        }
        assert_eq!(check_topic(""), Err(TopicError::Empty));
        assert_eq!(check_topic(&"a".repeat(255)), Ok(()));
        assert_eq!(check_topic(&"a".repeat(256)), Err(TopicError::TooLong));
        for hollow in [":", "a:", ":a", "a::b"] {
            assert_eq!(
                check_topic(hollow),
                Err(TopicError::EmptySegment),
                "{hollow}"
            );
        }
        assert_eq!(check_topic("a b"), Err(TopicError::BadByte(1)));
        assert_eq!(check_topic("a:*"), Err(TopicError::BadByte(2)));
        assert_eq!(check_topic("é"), Err(TopicError::BadByte(0)));
    }
}
