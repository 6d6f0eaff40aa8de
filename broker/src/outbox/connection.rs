//! The write side of one connection and the few facts the worker's timer reads.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, IoSlice};
use std::task::Waker;

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;

use crate::outbox::policy::SlowConsumer;
use crate::outbox::queue::{Outbox, Pushed, TopicTag};
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::{Body, Packet};
use crate::protocol::frame;
use crate::publication::Frame;

/// Shared by the session that reads and the worker that writes, on one thread.
pub struct Connection {
    /// Unset while the client polls: frames wait for its next request, or for the socket that it
    /// upgrades to.
    socket: OnceCell<OwnedWriteHalf>,
    outbox: RefCell<Outbox>,
    /// In the worker's list of connections to write.
    pub dirty: Cell<bool>,
    /// The socket would block, or there is none: the session waits until more can go out.
    blocked: Cell<bool>,
    ending: Cell<Ending>,
    session: Cell<Option<Waker>>,
    /// Since when (in the caller's ticks) something waits of which the client has taken nothing; 0 =
    /// it was not seen so.
    stalled: Cell<u32>,
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Open,
    /// The close frame is queued; nothing else is.
    Closing(CloseCode),
    /// Nothing can be written any more.
    Gone,
}

/// Slices of one vectored write.
const SLICES: usize = 64;

impl Connection {
    /// `limit`: bytes of publications that may wait.
    pub fn new(socket: OwnedWriteHalf, limit: usize) -> Self {
        Self {
            socket: OnceCell::from(socket),
            ..Self::detached(limit)
        }
    }

    /// Of a client that polls. Frames wait, by the same rules, until `drain` or `attach`.
    pub fn detached(limit: usize) -> Self {
        Self {
            socket: OnceCell::new(),
            outbox: RefCell::default(),
            dirty: Cell::new(false),
            blocked: Cell::new(false),
            ending: Cell::new(Ending::Open),
            session: Cell::new(None),
            stalled: Cell::new(0),
            limit,
        }
    }

    /// Gives a detached connection its socket; what waits goes out first. One that has a socket
    /// keeps it, and the other is closed.
    pub fn attach(&self, socket: OwnedWriteHalf) {
        if self.socket.set(socket).is_ok() {
            self.flush();
        }
    }

    pub fn is_attached(&self) -> bool {
        self.socket.get().is_some()
    }

    /// The socket of a connection at its end of use; `None` = it has none, or something still
    /// waits.
    pub fn into_socket(self) -> Option<OwnedWriteHalf> {
        self.outbox
            .into_inner()
            .is_empty()
            .then(|| self.socket.into_inner())
            .flatten()
    }

    /// Moves what waits into the answer to a polling request, as much as it takes.
    pub fn drain(&self, body: &mut Body) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.drain(body);
        self.blocked.set(!outbox.is_empty());
    }

    /// Queues a run of publications of one topic; a slow consumer of a topic whose policy is to
    /// disconnect is closed.
    pub fn push(&self, frame: &Frame, policy: SlowConsumer, tag: TopicTag) -> Pushed {
        if self.ending.get() != Ending::Open {
            return Pushed::Queued;
        }
        let pushed = self
            .outbox
            .borrow_mut()
            .push(frame, policy, tag, self.limit);
        if pushed == Pushed::Full {
            self.close(CloseCode::SlowConsumer);
        }
        pushed
    }

    /// Queues an answer or an event.
    pub fn push_control(&self, frame: Bytes) {
        if self.ending.get() == Ending::Open {
            self.outbox.borrow_mut().push_control(Frame::new(frame));
        }
    }

    /// Queues a close frame (a close packet for a client that polls) behind what waits; nothing
    /// follows it. A slow consumer's waiting
    /// publications are given up, for it would take the close frame no sooner than them.
    pub fn close(&self, code: CloseCode) {
        if self.ending.get() != Ending::Open {
            return;
        }
        if code == CloseCode::SlowConsumer {
            self.outbox.borrow_mut().drop_publications();
        }
        let farewell = if self.is_attached() {
            frame::encode_close(code)
        } else {
            Packet::Close.frame()
        };
        self.push_control(farewell);
        self.ending.set(Ending::Closing(code));
        self.wake();
    }

    /// Nothing more is read or written.
    pub fn abandon(&self) {
        self.ending.set(Ending::Gone);
        self.wake();
    }

    pub fn ending(&self) -> Ending {
        self.ending.get()
    }

    pub fn is_open(&self) -> bool {
        self.ending.get() == Ending::Open
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.get()
    }

    pub fn waiting_bytes(&self) -> usize {
        self.outbox.borrow().bytes()
    }

    /// Whether the client takes so little that it should not be read either.
    pub fn is_full(&self) -> bool {
        self.waiting_bytes() >= self.limit
    }

    /// Writes what waits, straight to the socket. What it does not take, the session writes when
    /// it does. Without a socket the session is woken: a polling request may wait.
    pub fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        let Some(socket) = self.socket.get() else {
            self.blocked.set(!outbox.is_empty());
            drop(outbox);
            return self.wake();
        };
        self.blocked.set(false);
        while !outbox.is_empty() && self.ending.get() != Ending::Gone {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = outbox.slices(&mut slices);
            let wrote = match &slices[..filled] {
                [one] => socket.try_write(one),
                several => socket.try_write_vectored(several),
            };
            match wrote {
                Ok(taken) => {
                    outbox.advance(taken);
                    self.stalled.set(0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    self.wake();
                    return;
                }
                Err(_) => self.abandon(),
            }
        }
    }

    /// Whether the close frame is out or nothing can be written any more.
    pub fn is_done(&self) -> bool {
        match self.ending.get() {
            Ending::Open => false,
            Ending::Closing(_) => self.outbox.borrow().is_empty(),
            Ending::Gone => true,
        }
    }

    /// The session's waker, for what happens to the connection while it waits.
    pub fn set_waker(&self, waker: &Waker) {
        let known = self.session.take();
        self.session.set(match known {
            Some(known) if known.will_wake(waker) => Some(known),
            _ => Some(waker.clone()),
        });
    }

    pub fn wake(&self) {
        if let Some(waker) = self.session.take() {
            waker.wake_by_ref();
            self.session.set(Some(waker));
        }
    }

    /// Ready when the socket may take bytes.
    pub fn poll_writable(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        match self.socket.get() {
            // An error shows at the next write.
            Some(socket) => socket.as_ref().poll_write_ready(cx).map(|_| ()),
            None => std::task::Poll::Pending,
        }
    }

    /// Whether the client has taken nothing of what waits for more than `limit` ticks of the
    /// caller, who asks regularly with the tick that it is. That more comes to wait, or less
    /// because old publications are dropped, does not count as taking.
    pub fn is_stalled(&self, now: u32, limit: u32) -> bool {
        if self.waiting_bytes() == 0 {
            self.stalled.set(0);
            return false;
        }
        let since = self.stalled.get();
        if since == 0 {
            self.stalled.set(now);
            return false;
        }
        now.saturating_sub(since) > limit
    }
}
