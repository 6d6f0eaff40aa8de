//! The `/ws` protocol: Twitch PubSub's shapes (`docs/protocol.md` shows each frame) and what
//! Tidegate adds to them.

mod command;
mod encode;

pub use command::{BadMessage, Command, parse};
pub use encode::{
    auth_revoked, missed, pong, put_message_frame, reconnect, response, response_with, welcome,
};

/// `RESPONSE.error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No error: the empty string.
    None,
    BadMessage,
    /// The token is missing, invalid or not allowed for one of the topics.
    BadAuth,
    BadTopic,
    Server,
    TooManyTopics,
    /// A CALL has no answer; `data` says why, with a code.
    Call,
}

impl ErrorCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::BadMessage => "ERR_BADMESSAGE",
            Self::BadAuth => "ERR_BADAUTH",
            Self::BadTopic => "ERR_BADTOPIC",
            Self::Server => "ERR_SERVER",
            Self::TooManyTopics => "ERR_TOO_MANY_TOPICS",
            Self::Call => "ERR_CALL",
        }
    }
}

#[cfg(test)]
mod tests;
