//! The broker's commands as events with acknowledgements.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;

use super::answer;
use super::client::{Membership, Namespaces, Serial};
use super::connect::{self, ConnectRefusal, Connecting};
use super::verb::{Publish, Verb};
use crate::node::{Node, is_past};
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::socketio::Event;
use crate::session::SocketIoConfig;
use crate::session::commands::Caller;
use crate::session::pipeline::{Pipeline, Running};
use crate::session::rate::MessageRate;

pub(in crate::session) struct Broker {
    node: Rc<Node>,
    rate: MessageRate,
    pipeline: Pipeline<Command, Outcome>,
}

/// A client's place in a namespace: its listener, which goes with it.
pub(super) struct Seat {
    caller: Rc<Caller>,
}

impl Seat {
    pub(super) fn new(caller: Caller) -> Self {
        Self {
            caller: Rc::new(caller),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.caller.node.disconnect(self.caller.id);
    }
}

/// What waits its turn.
enum Command {
    Run(Asked, Verb),
    /// Ends a listener, after the commands that it gave before.
    Leave(Seat),
}

/// Who asked, and how the answer gets there.
struct Asked {
    caller: Rc<Caller>,
    namespace: Rc<str>,
    ack: Option<u64>,
}

/// What a command came to.
enum Outcome {
    Ack(Option<Bytes>),
    Connected(Serial, Rc<str>, Result<Seat, ConnectRefusal>),
}

impl Broker {
    pub(super) fn new(node: Rc<Node>) -> Self {
        Self {
            node,
            rate: MessageRate::default(),
            pipeline: Pipeline::default(),
        }
    }

    /// Counts one message; `false` = the client sends too many.
    pub(super) fn admits(&mut self) -> bool {
        let limit = self.node.limits.messages_per_second;
        self.rate.admit(self.node.clock.now(), limit)
    }

    pub(super) fn has_room(&self) -> bool {
        self.pipeline.has_room(&self.node.limits)
    }

    pub(super) fn connect(
        &mut self,
        config: &Arc<SocketIoConfig>,
        serial: Serial,
        namespace: &Rc<str>,
        auth: Option<&str>,
        to: &Rc<Connection>,
    ) {
        let connecting = Connecting {
            node: self.node.clone(),
            config: config.clone(),
            namespace: namespace.clone(),
            credentials: connect::credentials(auth),
            connection: to.clone(),
        };
        let namespace = namespace.clone();
        self.pipeline.push_beside(Box::pin(async move {
            Outcome::Connected(serial, namespace, connecting.run().await)
        }));
    }

    pub(super) fn event(
        &mut self,
        seat: &Seat,
        namespace: &Rc<str>,
        event: &Event<'_>,
        to: &Connection,
    ) {
        let verb = match Verb::read(event) {
            Ok(verb) => verb,
            Err(problem) => {
                if let Some(id) = event.id {
                    to.push_control(answer::refused(namespace, id, problem));
                }
                return;
            }
        };
        let asked = Asked {
            caller: seat.caller.clone(),
            namespace: namespace.clone(),
            ack: event.id,
        };
        match verb {
            Verb::Call { .. } => self.pipeline.push_beside(asked.run(verb)),
            ordered => self.pipeline.push(Command::Run(asked, ordered)),
        }
    }

    /// The client has left a namespace.
    pub(super) fn leave(&mut self, left: Membership) {
        if let Membership::Broker(seat) = left {
            self.pipeline.push(Command::Leave(seat));
        }
    }

    /// Ends the namespaces whose token has expired: their topics are `revoked`, then the client is
    /// disconnected from them, and has to connect with a new token.
    pub(super) fn expire(&mut self, rooms: &mut Namespaces, to: &Connection) {
        let expired = rooms.iter().find_map(|joined| match &joined.membership {
            Membership::Broker(seat) if is_past(seat.caller.expires_at()) => Some(joined.serial),
            _ => None,
        });
        let Some(serial) = expired else {
            return;
        };
        let Some((name, left)) = rooms.take(serial) else {
            return;
        };
        if let Membership::Broker(seat) = &left {
            self.node.expire(seat.caller.id);
        }
        to.push_control(answer::disconnected(&name));
        self.leave(left);
        to.flush();
        to.wake();
    }

    /// Moves commands on; answers whether any came to an end.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        rooms: &mut Namespaces,
        to: &Connection,
    ) -> bool {
        let mut ended = false;
        while let Some(outcome) = self.pipeline.poll_next(cx, Command::begin) {
            ended = true;
            match outcome {
                Outcome::Ack(Some(frame)) => to.push_control(frame),
                Outcome::Ack(None) => {}
                Outcome::Connected(serial, name, Ok(seat)) => {
                    self.connected(rooms, serial, &name, seat, to);
                }
                Outcome::Connected(serial, name, Err(refusal)) => {
                    if rooms.take(serial).is_some() {
                        to.push_control(answer::connect_error(&name, &refusal));
                    }
                }
            }
        }
        if ended {
            to.flush();
        }
        ended
    }

    fn connected(
        &self,
        rooms: &mut Namespaces,
        serial: Serial,
        name: &str,
        seat: Seat,
        to: &Connection,
    ) {
        let Ok(sid) = self.node.session_ids.fresh() else {
            tracing::error!("no randomness for a Socket.IO session id");
            return to.close(CloseCode::ServerError);
        };
        // A client that has left meanwhile has nothing to hear; its seat is dropped.
        if rooms.admit(serial, Membership::Broker(seat)) {
            to.push_control(answer::connected(name, sid.as_str()));
        }
    }

    pub(super) fn end(&mut self) {
        self.pipeline = Pipeline::default();
    }
}

impl Command {
    fn begin(self) -> Running<Outcome> {
        match self {
            Self::Run(asked, verb) => asked.run(verb),
            Self::Leave(seat) => {
                drop(seat);
                Box::pin(std::future::ready(Outcome::Ack(None)))
            }
        }
    }
}

impl Asked {
    fn run(self, verb: Verb) -> Running<Outcome> {
        Box::pin(async move {
            let Self {
                caller,
                namespace,
                ack,
            } = self;
            let done = match verb {
                Verb::Listen(listen) => {
                    let token = listen.auth_token.as_deref();
                    caller.listen(&listen.topics, token).await
                }
                Verb::Unlisten(unlisten) => caller.unlisten(&unlisten.topics),
                Verb::Auth(token) => caller.auth(&token.auth_token).await,
                Verb::Publish(publish) => {
                    let Publish {
                        topic,
                        message,
                        event,
                    } = publish;
                    caller.publish(&topic, event, message).await
                }
                Verb::Call { method, params } => {
                    let result = caller.call(&method, params).await;
                    return Outcome::Ack(ack.map(|id| answer::called(&namespace, id, &result)));
                }
            };
            Outcome::Ack(ack.map(|id| answer::outcome(&namespace, id, &done)))
        })
    }
}
