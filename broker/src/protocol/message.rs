//! Whole messages out of frames: fragments, limits over all of them, UTF-8, control frames in
//! between.

use std::borrow::Cow;

use super::frame::{self, FrameError, Header, Opcode};

/// Reads one connection's frames; a pointer wide between messages.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The unfinished message, if fragments of one have come.
    fragments: Option<Box<Fragments>>,
}

#[derive(Debug)]
struct Fragments {
    text: bool,
    data: Vec<u8>,
    /// Bytes of `data` known to be whole UTF-8 characters.
    checked: usize,
}

/// Frame and whole-message caps, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    pub frame: usize,
    pub message: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Ping(&'a [u8]),
    Pong,
    /// A fragment of a message that is not whole yet. The decoder says [`Step::Taken`]; readers
    /// pass it on so that it counts against the client's rate.
    Fragment,
    /// The peer closes, with this code if it gave one.
    Close(Option<u16>),
}

/// What the bytes at hand held.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// No whole frame yet.
    Need,
    /// A fragment was taken in; go on after so many bytes.
    Taken(usize),
    /// An event and the bytes it took.
    Event(Event<'a>, usize),
}

impl Decoder {
    /// Reads the first frame of `input`, unmasking it in place: bytes of a consumed frame must
    /// not be handed in again.
    pub fn next<'a>(
        &mut self,
        input: &'a mut [u8],
        limits: MessageLimits,
    ) -> Result<Step<'a>, FrameError> {
        let Some(header) = frame::parse_header(input, limits.frame)? else {
            return Ok(Step::Need);
        };
        self.check_order(&header)?;
        let consumed = header.size + header.length;
        let Some(payload) = input.get_mut(header.size..consumed) else {
            return Ok(Step::Need);
        };
        frame::unmask(payload, header.mask);
        let event = match header.opcode {
            Opcode::Ping => Event::Ping(payload),
            Opcode::Pong => Event::Pong,
            Opcode::Close => Event::Close(close_code(payload)?),
            Opcode::Text | Opcode::Binary if header.fin => {
                whole(header.opcode == Opcode::Text, payload, limits.message)?
            }
            _ => match self.fragment(&header, payload, limits.message)? {
                Some(event) => event,
                None => return Ok(Step::Taken(consumed)),
            },
        };
        Ok(Step::Event(event, consumed))
    }

    /// Refuses a new message inside an unfinished one and a continuation of none.
    fn check_order(&self, header: &Header) -> Result<(), FrameError> {
        let continues = header.opcode == Opcode::Continuation;
        if !header.opcode.is_control() && continues != self.fragments.is_some() {
            return Err(FrameError::Protocol);
        }
        Ok(())
    }

    fn fragment(
        &mut self,
        header: &Header,
        payload: &[u8],
        max_message: usize,
    ) -> Result<Option<Event<'static>>, FrameError> {
        let text = header.opcode == Opcode::Text;
        let mut fragments = self.fragments.take().unwrap_or_else(|| {
            Box::new(Fragments {
                text,
                data: Vec::new(),
                checked: 0,
            })
        });
        if fragments.data.len() + payload.len() > max_message {
            return Err(FrameError::TooBig);
        }
        fragments.data.extend_from_slice(payload);
        if fragments.text {
            fragments.check_text(header.fin)?;
        }
        if !header.fin {
            self.fragments = Some(fragments);
            return Ok(None);
        }
        let Fragments { text, data, .. } = *fragments;
        if text {
            let text = String::from_utf8(data).map_err(|_| FrameError::InvalidText)?;
            Ok(Some(Event::Text(Cow::Owned(text))))
        } else {
            Ok(Some(Event::Binary(Cow::Owned(data))))
        }
    }
}

impl Fragments {
    /// Fails at the first fragment that makes the text invalid, whatever would follow.
    fn check_text(&mut self, last: bool) -> Result<(), FrameError> {
        let unchecked = self.data.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_none() && !last => {
                self.checked += error.valid_up_to();
            }
            Err(_) => return Err(FrameError::InvalidText),
        }
        Ok(())
    }
}

fn whole(text: bool, payload: &[u8], max_message: usize) -> Result<Event<'_>, FrameError> {
    if payload.len() > max_message {
        return Err(FrameError::TooBig);
    }
    if !text {
        return Ok(Event::Binary(Cow::Borrowed(payload)));
    }
    match std::str::from_utf8(payload) {
        Ok(text) => Ok(Event::Text(Cow::Borrowed(text))),
        Err(_) => Err(FrameError::InvalidText),
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, FrameError> {
    match payload {
        [] => Ok(None),
        [_] => Err(FrameError::Protocol),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !frame::is_close_code(code) {
                return Err(FrameError::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| FrameError::InvalidText)?;
            Ok(Some(code))
        }
    }
}

#[cfg(test)]
mod tests;
