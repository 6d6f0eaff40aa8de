use std::borrow::Cow;

use bytes::Bytes;

use super::header::{self, Header, Type};
use super::json::{Array, Named, Object, check_placeholders};
use super::packet::{Args, DecodeError, Event, Kind, Packet, PacketLimits, is_reserved};

/// Reads one connection's messages; a pointer wide unless attachments are missing.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Option<Box<Pending>>,
}

/// A packet whose attachments have not all come.
#[derive(Debug)]
struct Pending {
    packet: Packet<'static>,
    missing: usize,
    /// Of the packet so far.
    bytes: usize,
}

impl Decoder {
    /// Reads an Engine.IO text message. `None`: attachments follow. After an error the connection
    /// has to be closed.
    pub fn text<'a>(
        &mut self,
        text: &'a str,
        limits: PacketLimits,
    ) -> Result<Option<Packet<'a>>, DecodeError> {
        if let Some(pending) = self.pending.take() {
            let missing = pending.missing;
            return Err(DecodeError::TextBeforeAttachments { missing });
        }
        if text.len() > limits.bytes {
            let limit = limits.bytes;
            return Err(DecodeError::TooBig { limit });
        }
        let header = header::parse(text, limits.attachments)?;
        let missing = header.attachments;
        let packet = packet(header)?;
        if missing == 0 {
            return Ok(Some(packet));
        }
        self.pending = Some(Box::new(Pending {
            packet: packet.into_owned(),
            missing,
            bytes: text.len(),
        }));
        Ok(None)
    }

    /// Reads an Engine.IO binary message: the next attachment. Answers the packet that it was the
    /// last of.
    pub fn binary(
        &mut self,
        data: Cow<'_, [u8]>,
        limits: PacketLimits,
    ) -> Result<Option<Packet<'static>>, DecodeError> {
        let mut pending = self.pending.take().ok_or(DecodeError::UnexpectedBinary)?;
        pending.bytes = pending.bytes.saturating_add(data.len());
        if pending.bytes > limits.bytes {
            let limit = limits.bytes;
            return Err(DecodeError::TooBig { limit });
        }
        if let Kind::Event(Event { attachments, .. }) | Kind::Ack { attachments, .. } =
            &mut pending.packet.kind
        {
            attachments.push(Bytes::from(data.into_owned()));
        }
        pending.missing -= 1;
        if pending.missing == 0 {
            return Ok(Some(pending.packet));
        }
        self.pending = Some(pending);
        Ok(None)
    }

    /// Whether attachments of a packet are missing.
    pub const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }
}

fn packet(header: Header<'_>) -> Result<Packet<'_>, DecodeError> {
    let payload = header.payload;
    let kind = match header.kind {
        Type::Connect => Kind::Connect {
            query: header.query.map(Cow::Borrowed),
            auth: auth(payload)?,
        },
        Type::Disconnect if payload.is_empty() => Kind::Disconnect,
        Type::Disconnect => return Err(DecodeError::DisconnectPayload),
        Type::Event | Type::BinaryEvent => Kind::Event(event(&header)?),
        Type::Ack | Type::BinaryAck => {
            let id = header.id.ok_or(DecodeError::NoAckId)?;
            let _: Array = serde_json::from_str(payload).map_err(said(DecodeError::AckPayload))?;
            Kind::Ack {
                id,
                args: args(payload, false),
                attachments: Vec::new(),
            }
        }
    };
    if matches!(header.kind, Type::BinaryEvent | Type::BinaryAck) {
        check_placeholders(payload, header.attachments).map_err(DecodeError::Placeholders)?;
    }
    Ok(Packet {
        namespace: Cow::Borrowed(header.namespace),
        kind,
    })
}

fn auth(payload: &str) -> Result<Option<Cow<'_, str>>, DecodeError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let _: Object = serde_json::from_str(payload).map_err(said(DecodeError::ConnectPayload))?;
    Ok(Some(Cow::Borrowed(payload)))
}

fn event<'a>(header: &Header<'a>) -> Result<Event<'a>, DecodeError> {
    let Named(name) =
        serde_json::from_str(header.payload).map_err(said(DecodeError::EventPayload))?;
    if is_reserved(&name) {
        return Err(DecodeError::ReservedEvent(name.into()));
    }
    Ok(Event {
        name,
        id: header.id,
        args: args(header.payload, true),
        attachments: Vec::new(),
    })
}

fn args(array: &str, named: bool) -> Args<'_> {
    Args {
        array: Cow::Borrowed(array),
        named,
    }
}

fn said(error: fn(Box<str>) -> DecodeError) -> impl Fn(serde_json::Error) -> DecodeError {
    move |reason| error(reason.to_string().into())
}
