use crate::plugin::{CallError, CallRefused, NotAdmitted};
use crate::topic::Topic;

/// Why a verb was not done. Each maps to one answer of each protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The plugin said no, and why.
    Denied {
        topic: Topic,
        reason: Box<str>,
    },
    /// The token cannot be taken.
    BadToken(Box<str>),
    BadTopic {
        topic: Box<str>,
        reason: Box<str>,
    },
    /// The listener's limit.
    TooManyTopics(usize),
    /// A payload above the limit, in bytes.
    TooBig(usize),
    /// The plugin that admits turned the caller away.
    NotAdmitted(Box<NotAdmitted>),
    /// Why a plugin's method has no answer.
    Call(Box<CallRefused>),
    /// The broker, a plugin or the bus failed; the same may work later.
    Failed(&'static str),
}

impl From<NotAdmitted> for Refusal {
    fn from(refusal: NotAdmitted) -> Self {
        Self::NotAdmitted(Box::new(refusal))
    }
}

impl From<CallRefused> for Refusal {
    fn from(refusal: CallRefused) -> Self {
        Self::Call(Box::new(refusal))
    }
}

impl From<CallError> for Refusal {
    /// Authorization fails closed.
    fn from(_: CallError) -> Self {
        Self::Failed("the plugin that decides failed")
    }
}
