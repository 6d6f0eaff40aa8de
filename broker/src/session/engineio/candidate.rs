//! A WebSocket that wants to take a polling session over. Whatever it does, the session goes on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};

use super::state::{Probe, State};
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::Packet;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::{Event, MessageLimits};
use crate::session::read::Flow;
use crate::session::socket::Socket;

/// All that a candidate may say is `2probe` and `5`.
const LIMITS: MessageLimits = MessageLimits {
    frame: 125,
    message: 125,
};

/// A client that polls again while it upgrades has to be answered again.
const NOOP_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Candidate {
    socket: Socket,
    deadline: Pin<Box<Sleep>>,
    noop: Interval,
}

/// What became of it.
pub(super) enum Turn {
    /// Nothing yet; whether anything was done.
    Waits(bool),
    /// The session's waiting GET is to be answered by a noop.
    Noop,
    /// It takes the session over.
    TakesOver,
    /// It is to be closed.
    Fails,
}

impl Candidate {
    /// `timeout`: until it must have taken the session over.
    pub(super) fn new(stream: TcpStream, early: &Bytes, timeout: Duration) -> Self {
        let mut noop = interval(NOOP_EVERY);
        noop.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket: Socket::new(stream, early, LIMITS, usize::from(u16::MAX)),
            deadline: Box::pin(sleep(timeout)),
            noop,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, state: &mut State) -> Turn {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Turn::Fails;
        }
        let mut progress = self.socket.poll_write(cx);
        let mut decided = None;
        if self.socket.is_readable() {
            let connection = self.socket.connection.clone();
            progress |= self.socket.poll_read(cx, &mut |event| {
                let packet = match &event {
                    Event::Text(text) => Packet::from_text(text).ok(),
                    Event::Ping(payload) => {
                        connection.push_control(frame::encode(Opcode::Pong, payload));
                        return Flow::Go;
                    }
                    Event::Pong | Event::Fragment => return Flow::Go,
                    Event::Binary(_) | Event::Close(_) => None,
                };
                match packet.map_or(Probe::Refuse, |packet| state.probe(&packet)) {
                    Probe::Answer => {
                        connection.push_control(Packet::Pong { probe: true }.frame());
                        return Flow::Go;
                    }
                    Probe::TakeOver => decided = Some(Turn::TakesOver),
                    Probe::Refuse => decided = Some(Turn::Fails),
                }
                Flow::Stop
            });
        }
        if let Some(decided) = decided {
            return decided;
        }
        if self.socket.is_over() || !self.socket.connection.is_open() {
            return Turn::Fails;
        }
        if state.is_probed() && self.noop.poll_tick(cx) != Poll::Pending {
            return Turn::Noop;
        }
        Turn::Waits(progress)
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }

    /// Closes it, beside the session.
    pub(super) fn refuse(self) {
        refuse(self.socket);
    }
}

/// Closes a WebSocket that may not be a candidate.
pub(super) fn refuse_stream(stream: TcpStream, early: &Bytes) {
    refuse(Socket::new(stream, early, LIMITS, usize::from(u16::MAX)));
}

fn refuse(socket: Socket) {
    socket.connection.close(CloseCode::PolicyViolation);
    socket.connection.flush();
    tokio::task::spawn_local(socket.finish());
}
