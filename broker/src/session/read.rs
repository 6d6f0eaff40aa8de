//! Bytes to commands.

use std::cell::RefCell;

use crate::protocol::frame::FrameError;
use crate::protocol::message::{Decoder, Event, MessageLimits, Step};

/// One read takes at most so much.
const SCRATCH: usize = 64 << 10;

thread_local! {
    /// What a worker reads into. A session keeps bytes only of an unfinished frame.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Lends the worker's read buffer. Not to be nested.
pub(super) fn with_buffer<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    READ_BUFFER.with_borrow_mut(|buffer| read(buffer))
}

/// The read side of one connection.
#[derive(Debug, Default)]
pub(super) struct Reader {
    decoder: Decoder,
    /// Bytes that have come but are not read: an unfinished frame, or commands behind a full
    /// queue.
    pending: Vec<u8>,
    /// Whether `pending` may hold a whole frame.
    more: bool,
}

/// What the receiver of events says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    /// Enough for now.
    Pause,
    /// The connection ends.
    Stop,
}

impl Reader {
    /// Whether there may be events without another read.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// Bytes the client sent before its session began.
    pub(super) fn preload(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.more = !bytes.is_empty();
    }

    /// Reads the events of `fresh` (after what was pending) until `on_event` pauses.
    pub(super) fn feed(
        &mut self,
        fresh: &mut [u8],
        limits: MessageLimits,
        on_event: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> Result<Flow, FrameError> {
        if self.pending.is_empty() {
            let (used, flow) = self.drain(fresh, limits, on_event)?;
            self.pending
                .extend_from_slice(fresh.get(used..).unwrap_or_default());
            return Ok(flow);
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(fresh);
        let (used, flow) = self.drain(&mut pending, limits, on_event)?;
        if used < pending.len() {
            pending.drain(..used);
            self.pending = pending;
        }
        Ok(flow)
    }

    fn drain(
        &mut self,
        bytes: &mut [u8],
        limits: MessageLimits,
        on_event: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> Result<(usize, Flow), FrameError> {
        let mut used = 0;
        self.more = false;
        while let Some(rest) = bytes.get_mut(used..).filter(|rest| !rest.is_empty()) {
            let (event, taken) = match self.decoder.next(rest, limits)? {
                Step::Need => break,
                Step::Taken(taken) => (Event::Fragment, taken),
                Step::Event(event, taken) => (event, taken),
            };
            used += taken;
            let flow = on_event(event);
            if flow != Flow::Go {
                self.more = true;
                return Ok((used, flow));
            }
        }
        Ok((used, Flow::Go))
    }
}
