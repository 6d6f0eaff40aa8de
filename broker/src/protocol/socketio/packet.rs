use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::protocol::close::CloseCode;

/// A whole packet of a client. What it borrows is the message it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// With its leading `/`, without the query.
    pub namespace: Cow<'a, str>,
    pub kind: Kind<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    Connect {
        /// What follows `?` in the namespace.
        query: Option<Cow<'a, str>>,
        /// The text of a JSON object.
        auth: Option<Cow<'a, str>>,
    },
    Disconnect,
    Event(Event<'a>),
    Ack {
        id: u64,
        args: Args<'a>,
        attachments: Vec<Bytes>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// A number's is its digits, as JavaScript has it. Never a reserved one.
    pub name: Cow<'a, str>,
    /// The client waits for an acknowledgement with this id.
    pub id: Option<u64>,
    /// What follows the name.
    pub args: Args<'a>,
    /// The bytes that `{"_placeholder":true,"num":n}` in `args` stand for, each there exactly once.
    /// An object of that shape in an event *without* attachments is only an object.
    pub attachments: Vec<Bytes>,
}

/// Arguments as the text of a JSON array that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args<'a> {
    pub(super) array: Cow<'a, str>,
    /// The array starts with the event's name, which is no argument.
    pub(super) named: bool,
}

impl Args<'_> {
    /// Each argument, byte for byte.
    pub fn list(&self) -> Vec<&RawValue> {
        // The decoder has read the array before.
        let mut list: Vec<&RawValue> = serde_json::from_str(&self.array).unwrap_or_default();
        if self.named && !list.is_empty() {
            list.remove(0);
        }
        list
    }

    fn into_owned(self) -> Args<'static> {
        Args {
            array: Cow::Owned(self.array.into_owned()),
            named: self.named,
        }
    }
}

impl Packet<'_> {
    /// For a packet that outlives its message.
    pub fn into_owned(self) -> Packet<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let kind = match self.kind {
            Kind::Connect { query, auth } => Kind::Connect {
                query: query.map(owned),
                auth: auth.map(owned),
            },
            Kind::Disconnect => Kind::Disconnect,
            Kind::Event(event) => Kind::Event(event.into_owned()),
            Kind::Ack {
                id,
                args,
                attachments,
            } => Kind::Ack {
                id,
                args: args.into_owned(),
                attachments,
            },
        };
        Packet {
            namespace: owned(self.namespace),
            kind,
        }
    }
}

impl Event<'_> {
    /// For an event that outlives its message.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            name: Cow::Owned(self.name.into_owned()),
            id: self.id,
            args: self.args.into_owned(),
            attachments: self.attachments,
        }
    }
}

/// What one packet may hold.
#[derive(Clone, Copy, Debug)]
pub struct PacketLimits {
    /// Binary attachments of one packet.
    pub attachments: usize,
    /// The text and all attachments of one packet, in bytes.
    pub bytes: usize,
}

/// Event names that both ends keep for themselves: a client that receives one closes the
/// connection.
pub fn is_reserved(event: &str) -> bool {
    matches!(
        event,
        "connect"
            | "connect_error"
            | "disconnect"
            | "disconnecting"
            | "newListener"
            | "removeListener"
    )
}

/// Why a message is no packet. The whole connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the packet is empty")]
    Empty,
    #[error("unknown packet type {0:?}")]
    UnknownType(char),
    #[error("CONNECT_ERROR comes from a server only")]
    Direction,
    #[error("a binary packet does not start with its number of attachments and `-`")]
    Attachments,
    #[error("more than {limit} attachments")]
    TooManyAttachments { limit: usize },
    #[error("the namespace has more than {} bytes", super::MAX_NAMESPACE_BYTES)]
    LongNamespace,
    #[error("the namespace has a control character")]
    BadNamespace,
    #[error(
        "the acknowledgement's id has more than {} digits",
        super::MAX_ACK_ID_DIGITS
    )]
    LongAckId,
    #[error("an acknowledgement without an id")]
    NoAckId,
    #[error("CONNECT: the payload is no JSON object: {0}")]
    ConnectPayload(Box<str>),
    #[error("DISCONNECT has no payload")]
    DisconnectPayload,
    #[error("EVENT: the payload is no array that starts with the event's name: {0}")]
    EventPayload(Box<str>),
    #[error("event name {0:?} is reserved")]
    ReservedEvent(Box<str>),
    #[error("ACK: the payload is no array: {0}")]
    AckPayload(Box<str>),
    #[error("attachments and placeholders do not match: {0}")]
    Placeholders(Box<str>),
    #[error("text while {missing} attachments are missing")]
    TextBeforeAttachments { missing: usize },
    #[error("binary data that no packet announced")]
    UnexpectedBinary,
    #[error("the packet has more than {limit} bytes")]
    TooBig { limit: usize },
}

impl DecodeError {
    pub const fn close_code(&self) -> CloseCode {
        match self {
            Self::TooBig { .. } => CloseCode::TooBig,
            _ => CloseCode::ProtocolError,
        }
    }
}
