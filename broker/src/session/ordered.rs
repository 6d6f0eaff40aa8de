//! One connection's commands in their order.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::commands::{self, Caller, Running};
use super::rate::MessageRate;
use super::read::Flow;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::Event;
use crate::protocol::pubsub::{self, Command};

/// Commands that wait, run or have an answer that waits for the one before it.
#[derive(Default)]
pub(super) struct Commands {
    rate: MessageRate,
    waiting: VecDeque<Command>,
    /// Begun and not answered: one command, or publications that the bus was given and has not yet
    /// acknowledged.
    begun: VecDeque<Begun>,
    /// What is in `begun` are publications.
    publishing: bool,
    calls: Vec<Running>,
}

enum Begun {
    Running(Running),
    Answered(Option<Bytes>),
}

impl Commands {
    pub(super) fn has_room(&self, caller: &Caller) -> bool {
        let limits = &caller.node.limits;
        self.waiting.len() < limits.queued_commands && self.calls.len() < limits.concurrent_calls
    }

    /// Takes one event of the client.
    pub(super) fn take(
        &mut self,
        event: &Event<'_>,
        caller: &Rc<Caller>,
        connection: &Connection,
    ) -> Flow {
        let limits = &caller.node.limits;
        if !self
            .rate
            .admit(caller.node.clock.now(), limits.messages_per_second)
        {
            connection.close(CloseCode::TooManyMessages);
            return Flow::Stop;
        }
        match event {
            Event::Text(text) => self.command(text, caller, connection),
            Event::Ping(payload) => connection.push_control(frame::encode(Opcode::Pong, payload)),
            Event::Pong | Event::Fragment => {}
            Event::Binary(_) => connection.close(CloseCode::Unsupported),
            Event::Close(_) => connection.close(CloseCode::Normal),
        }
        if !connection.is_open() {
            Flow::Stop
        } else if self.has_room(caller) && !connection.is_full() {
            Flow::Go
        } else {
            Flow::Pause
        }
    }

    fn command(&mut self, text: &str, caller: &Rc<Caller>, connection: &Connection) {
        match pubsub::parse(text) {
            Err(bad) => connection.push_control(commands::bad_message(&bad)),
            Ok(Command::Ping) => connection.push_control(pubsub::pong()),
            Ok(command) => {
                if !matches!(command, Command::Unlisten { .. }) {
                    caller.node.commanded(caller.id);
                }
                match command {
                    Command::Call { .. } => self.calls.push(caller.run(command)),
                    ordered => self.waiting.push_back(ordered),
                }
            }
        }
    }

    /// Moves commands on; answers whether any came to an end.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        caller: &Rc<Caller>,
        connection: &Connection,
    ) -> bool {
        let mut ended = false;
        while let Some(answer) = self.poll_next(cx, caller) {
            ended = true;
            if let Some(answer) = answer {
                connection.push_control(answer);
            }
        }
        if ended {
            connection.flush();
            self.shrink();
        }
        ended
    }

    /// The next answer that is ready; `None` = all wait.
    fn poll_next(&mut self, cx: &mut Context<'_>, caller: &Rc<Caller>) -> Option<Option<Bytes>> {
        self.begin(cx, caller);
        if let Some(answer) = self.poll_first(cx) {
            return Some(answer);
        }
        for at in 0..self.calls.len() {
            if let Poll::Ready(answer) = self.calls[at].as_mut().poll(cx) {
                drop(self.calls.swap_remove(at));
                return Some(answer);
            }
        }
        None
    }

    /// Begins what may begin. A publication's first poll hands it to the bus, which keeps the order
    /// of the hand-overs: so publications that follow each other are acknowledged together.
    /// Anything else runs alone.
    fn begin(&mut self, cx: &mut Context<'_>, caller: &Rc<Caller>) {
        while let Some(next) = self.waiting.front() {
            let publishes = matches!(next, Command::Publish { .. });
            let in_flight = if publishes && self.publishing {
                caller.node.limits.publications_in_flight
            } else {
                1
            };
            if self.begun.len() >= in_flight {
                return;
            }
            let Some(command) = self.waiting.pop_front() else {
                return;
            };
            self.publishing = publishes;
            let mut running = caller.run(command);
            self.begun.push_back(match running.as_mut().poll(cx) {
                Poll::Ready(answer) => Begun::Answered(answer),
                Poll::Pending => Begun::Running(running),
            });
        }
    }

    /// The first command's answer; later ones wait for it.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Option<Option<Bytes>> {
        let answer = match self.begun.front_mut()? {
            Begun::Answered(answer) => answer.take(),
            Begun::Running(running) => match running.as_mut().poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => return None,
            },
        };
        self.begun.pop_front();
        Some(answer)
    }

    /// Idle holds nothing.
    fn shrink(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        if self.begun.is_empty() {
            self.begun = VecDeque::new();
        }
    }
}
