//! What stands behind a session: a closed choice.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::node::Node;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::Packet;
use crate::session::SocketIoConfig;
use crate::session::socketio::{self, Client};

/// What a worker's sessions are for.
#[derive(Clone)]
pub enum Service {
    /// The broker's commands over Socket.IO.
    Broker(Rc<Node>),
    /// Every Engine.IO message comes back, for conformance suites.
    EngineEcho,
    /// The server that Socket.IO's conformance suite asks for.
    SocketEcho,
}

pub(super) enum Application {
    Echo,
    SocketIo(Client),
}

impl Application {
    pub(super) fn new(service: &Service, config: &Arc<SocketIoConfig>) -> Self {
        let service = match service {
            Service::Broker(node) => socketio::Service::broker(node.clone()),
            Service::SocketEcho => socketio::Service::echo(),
            Service::EngineEcho => return Self::Echo,
        };
        Self::SocketIo(Client::new(service, config.clone(), Instant::now()))
    }

    /// Takes a text message; an error ends the connection.
    pub(super) fn text(&mut self, text: &str, to: &Rc<Connection>) -> Result<(), CloseCode> {
        match self {
            Self::Echo => {
                to.push_control(Packet::Message(text).frame());
                Ok(())
            }
            Self::SocketIo(client) => client.text(text, to),
        }
    }

    /// Takes a binary message; an error ends the connection.
    pub(super) fn binary(
        &mut self,
        bytes: Cow<'_, [u8]>,
        to: &Rc<Connection>,
    ) -> Result<(), CloseCode> {
        match self {
            Self::Echo => {
                let mut out = BytesMut::new();
                Packet::Binary(bytes).put_frame(&mut out);
                to.push_control(out.freeze());
                Ok(())
            }
            Self::SocketIo(client) => client.binary(bytes, to),
        }
    }

    /// Whether it takes more messages.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Echo => true,
            Self::SocketIo(client) => client.has_room(),
        }
    }

    /// Moves what is under way on; answers whether anything came to an end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, to: &Connection) -> bool {
        match self {
            Self::Echo => false,
            Self::SocketIo(client) => client.poll(cx, to),
        }
    }

    /// Looks at its deadlines.
    pub(super) fn on_time(&mut self, now: Instant, to: &Connection) {
        if let Self::SocketIo(client) = self {
            client.on_time(now, to);
        }
    }

    /// Gives up all that is under way.
    pub(super) fn end(&mut self) {
        if let Self::SocketIo(client) = self {
            client.end();
        }
    }
}
