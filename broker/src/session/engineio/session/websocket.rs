//! A session's WebSocket: the candidate that wants to take it over, and the one that it has.

use std::rc::Rc;
use std::task::Context;

use tokio::time::Instant;

use super::{Inner, limits};
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::Packet;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::Event;
use crate::session::SocketIoConfig;
use crate::session::engineio::candidate::Turn;
use crate::session::read::Flow;

impl Inner {
    pub(super) fn poll_candidate(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Rc<Connection>,
        config: &SocketIoConfig,
    ) -> bool {
        let Some(candidate) = &mut self.candidate else {
            return false;
        };
        match candidate.poll(cx, &mut self.state) {
            Turn::Waits(progress) => return progress,
            Turn::Noop => self.answer_get(Packet::Noop, connection),
            Turn::Fails => {
                self.state.upgrade_failed();
                if let Some(candidate) = self.candidate.take() {
                    candidate.refuse();
                }
            }
            Turn::TakesOver => {
                self.answer_get(Packet::Noop, connection);
                let socket = self
                    .candidate
                    .take()
                    .map(|candidate| candidate.into_socket());
                self.socket = socket.and_then(|socket| socket.give_to(connection, limits(config)));
                if self.socket.is_none() {
                    connection.abandon();
                }
            }
        }
        true
    }

    pub(super) fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Rc<Connection>,
    ) -> bool {
        let Some(mut socket) = self.socket.take() else {
            return false;
        };
        let mut progress = socket.poll_write(cx);
        if socket.is_readable() && self.application.has_room() {
            let now = Instant::now();
            progress |= socket.poll_read(cx, &mut |event| self.event(&event, now, connection));
        }
        self.socket = Some(socket);
        progress
    }

    /// Takes one event of the session's WebSocket.
    fn event(&mut self, event: &Event<'_>, now: Instant, connection: &Rc<Connection>) -> Flow {
        let taken = match event {
            Event::Text(text) => match Packet::from_text(text) {
                Ok(packet) => self.packet(packet, now, connection),
                Err(error) => Err(error.close_code()),
            },
            Event::Binary(bytes) => self.packet(Packet::from_binary(bytes), now, connection),
            Event::Ping(payload) => {
                connection.push_control(frame::encode(Opcode::Pong, payload));
                Ok(())
            }
            Event::Pong | Event::Fragment => Ok(()),
            Event::Close(_) => Err(CloseCode::Normal),
        };
        if let Err(code) = taken {
            connection.close(code);
        }
        if !connection.is_open() {
            Flow::Stop
        } else if self.application.has_room() && !connection.is_full() {
            Flow::Go
        } else {
            Flow::Pause
        }
    }
}
