//! One connection's commands in their order.

use std::rc::Rc;
use std::task::Context;

use bytes::Bytes;

use super::commands::{self, Caller};
use super::pipeline::{Ordered, Pipeline};
use super::rate::MessageRate;
use super::read::Flow;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::Event;
use crate::protocol::pubsub::{self, Command};

/// What the client asks for, and how fast.
#[derive(Default)]
pub(super) struct Commands {
    rate: MessageRate,
    pipeline: Pipeline<Command, Option<Bytes>>,
}

impl Ordered for Command {
    fn publishes(&self) -> bool {
        matches!(self, Command::Publish { .. })
    }
}

impl Commands {
    pub(super) fn has_room(&self, caller: &Caller) -> bool {
        self.pipeline.has_room(&caller.node.limits)
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
                    Command::Call { .. } => self.pipeline.push_beside(caller.run(command)),
                    ordered => self.pipeline.push(ordered),
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
        let limits = &caller.node.limits;
        let mut ended = false;
        while let Some(answer) = self
            .pipeline
            .poll_next(cx, limits, |command| caller.run(command))
        {
            ended = true;
            if let Some(answer) = answer {
                connection.push_control(answer);
            }
        }
        if ended {
            connection.flush();
        }
        ended
    }
}
