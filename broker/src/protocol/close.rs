//! Why the server ends a WebSocket connection.

/// Close codes of `/ws`. Codes below 4000 are RFC 6455 §7.4.1's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client closed first; its close is answered.
    Normal,
    /// The node is draining.
    GoingAway,
    /// The client broke RFC 6455 (an unmasked frame, a reserved bit…).
    ProtocolError,
    /// A binary message: `/ws` speaks text.
    Unsupported,
    /// A text message that is not UTF-8.
    InvalidText,
    /// A frame or message above the limit.
    TooBig,
    /// The client read more slowly than its topics spoke.
    SlowConsumer,
    /// No LISTEN, PUBLISH, CALL or AUTH in time after connecting.
    Unused,
    /// Nothing was heard from the client, not even an answer to a ping.
    Silent,
    /// More messages in a second than the limit.
    TooManyMessages,
    /// Publications may have been missed, or the client is wanted on another node.
    Reconnect,
}

impl CloseCode {
    pub const ALL: [Self; 11] = [
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::Unsupported,
        Self::InvalidText,
        Self::TooBig,
        Self::SlowConsumer,
        Self::Unused,
        Self::Silent,
        Self::TooManyMessages,
        Self::Reconnect,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::ProtocolError => 1002,
            Self::Unsupported => 1003,
            Self::InvalidText => 1007,
            Self::TooBig => 1009,
            Self::SlowConsumer => 4002,
            Self::Unused => 4003,
            Self::Silent => 4004,
            Self::TooManyMessages => 4008,
            Self::Reconnect => 4009,
        }
    }

    /// `None` = a number that this server never sends.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Whether the client should come back by itself; the others would fail the same way again.
    pub const fn reconnect(self) -> bool {
        matches!(
            self,
            Self::GoingAway | Self::SlowConsumer | Self::Unused | Self::Silent | Self::Reconnect
        )
    }

    /// The reason on the wire and the label of the metric.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "going away",
            Self::ProtocolError => "protocol error",
            Self::Unsupported => "binary messages are not supported",
            Self::InvalidText => "text is not UTF-8",
            Self::TooBig => "message too big",
            Self::SlowConsumer => "slow consumer",
            Self::Unused => "no command in time",
            Self::Silent => "nothing heard",
            Self::TooManyMessages => "too many messages",
            Self::Reconnect => "reconnect",
        }
    }
}
