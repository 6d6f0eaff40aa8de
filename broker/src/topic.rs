//! Parsed topic names.

use std::borrow::Borrow;
use std::sync::Arc;

pub use tidegate_topic::{MAX_TOPIC_BYTES, Pattern, PatternError, TopicError, encode_segment};

/// A checked topic; a clone shares the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Grammar and limit: `tidegate_topic`.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        tidegate_topic::check_topic(text)?;
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
