//! The packets of one client, whatever service they are for.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use bytes::BytesMut;
use tokio::time::Instant;

use super::broker::{Broker, Seat};
use super::echo::Echo;
use crate::node::Node;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::socketio::{self, Decoder, Kind, Packet, PacketLimits};
use crate::session::SocketIoConfig;

pub(in crate::session) struct Client {
    pub(super) config: Arc<SocketIoConfig>,
    decoder: Decoder,
    pub(super) rooms: Namespaces,
    service: Service,
}

/// The namespaces a client is in.
pub(super) struct Namespaces {
    joined: Vec<Joined>,
    /// Since when it is in none.
    alone: Option<Instant>,
    next: Serial,
}

/// Tells a namespace that was left from the same one joined again.
pub(super) type Serial = u32;

pub(super) struct Joined {
    pub(super) name: Rc<str>,
    pub(super) serial: Serial,
    pub(super) membership: Membership,
}

pub(super) enum Membership {
    /// CONNECT is not answered yet.
    Asked,
    Echo,
    Broker(Seat),
}

/// What events mean: a closed choice.
pub(in crate::session) enum Service {
    Broker(Broker),
    Echo(Echo),
}

impl Service {
    pub(in crate::session) fn broker(node: Rc<Node>) -> Self {
        Self::Broker(Broker::new(node))
    }

    pub(in crate::session) fn echo() -> Self {
        Self::Echo(Echo::default())
    }
}

impl Client {
    pub(in crate::session) fn new(
        service: Service,
        config: Arc<SocketIoConfig>,
        now: Instant,
    ) -> Self {
        Self {
            config,
            decoder: Decoder::default(),
            rooms: Namespaces {
                joined: Vec::new(),
                alone: Some(now),
                next: 0,
            },
            service,
        }
    }

    /// Takes a text message; an error ends the connection.
    pub(in crate::session) fn text(
        &mut self,
        text: &str,
        to: &Rc<Connection>,
    ) -> Result<(), CloseCode> {
        self.check_rate()?;
        let packet = self.decoder.text(text, self.limits());
        match packet.map_err(|error| error.close_code())? {
            Some(packet) => self.packet(packet, to),
            None => Ok(()),
        }
    }

    /// Takes an attachment; an error ends the connection.
    pub(in crate::session) fn binary(
        &mut self,
        bytes: Cow<'_, [u8]>,
        to: &Rc<Connection>,
    ) -> Result<(), CloseCode> {
        self.check_rate()?;
        let packet = self.decoder.binary(bytes, self.limits());
        match packet.map_err(|error| error.close_code())? {
            Some(packet) => self.packet(packet, to),
            None => Ok(()),
        }
    }

    fn limits(&self) -> PacketLimits {
        PacketLimits {
            attachments: self.config.attachments,
            bytes: self.config.max_payload,
        }
    }

    fn check_rate(&mut self) -> Result<(), CloseCode> {
        if let Service::Broker(broker) = &mut self.service
            && !broker.admits()
        {
            return Err(CloseCode::TooManyMessages);
        }
        Ok(())
    }

    fn packet(&mut self, packet: Packet<'_>, to: &Rc<Connection>) -> Result<(), CloseCode> {
        let at = self.rooms.find(&packet.namespace);
        match (at, packet.kind) {
            (None, Kind::Connect { auth, .. }) => {
                self.connect(&packet.namespace, auth.as_deref(), to)
            }
            (Some(at), Kind::Disconnect) => {
                let left = self.rooms.leave(at);
                if let Service::Broker(broker) = &mut self.service {
                    broker.leave(left);
                }
            }
            (Some(at), Kind::Event(event)) => match (self.rooms.get(at), &mut self.service) {
                (Some(joined), Service::Echo(echo)) => echo.event(&joined.name, &event, to),
                (Some(joined), Service::Broker(broker)) => match &joined.membership {
                    Membership::Broker(seat) => broker.event(seat, &joined.name, &event, to),
                    // A client sends events when its CONNECT is answered.
                    Membership::Asked | Membership::Echo => return Err(CloseCode::ProtocolError),
                },
                (None, _) => {}
            },
            (
                Some(_),
                Kind::Ack {
                    id,
                    args,
                    attachments,
                },
            ) => {
                // The broker asks for none; a late or forged one is nobody's.
                if let Service::Echo(echo) = &mut self.service {
                    echo.ack(&packet.namespace, id, &args, &attachments, to);
                }
            }
            // The first packet is not CONNECT, CONNECT came twice, or its namespace was left.
            (None, _) | (Some(_), Kind::Connect { .. }) => return Err(CloseCode::ProtocolError),
        }
        Ok(())
    }

    fn connect(&mut self, namespace: &str, auth: Option<&str>, to: &Rc<Connection>) {
        if !self
            .config
            .namespaces
            .iter()
            .any(|known| known == namespace)
        {
            let mut out = BytesMut::new();
            socketio::put_connect_error(namespace, "Invalid namespace", None, &mut out);
            return to.push_control(out.freeze());
        }
        let (serial, name) = self.rooms.join(namespace);
        match &mut self.service {
            Service::Echo(echo) => {
                self.rooms.admit(serial, Membership::Echo);
                echo.connected(&name, auth, to);
            }
            Service::Broker(broker) => broker.connect(&self.config, serial, &name, auth, to),
        }
    }

    pub(in crate::session) fn has_room(&self) -> bool {
        match &self.service {
            Service::Broker(broker) => broker.has_room(),
            Service::Echo(_) => true,
        }
    }

    /// Moves commands on; answers whether any came to an end.
    pub(in crate::session) fn poll(&mut self, cx: &mut Context<'_>, to: &Connection) -> bool {
        match &mut self.service {
            Service::Broker(broker) => broker.poll(cx, &mut self.rooms, to),
            Service::Echo(echo) => echo.poll(cx, to),
        }
    }

    pub(in crate::session) fn on_time(&mut self, now: Instant, to: &Connection) {
        let alone = self.rooms.alone;
        let limit = self.config.connect_timeout;
        if alone.is_some_and(|since| now.saturating_duration_since(since) >= limit) {
            to.close(CloseCode::Unused);
            return to.flush();
        }
        if let Service::Broker(broker) = &mut self.service {
            broker.expire(&mut self.rooms, to);
        }
    }

    /// Gives up all that it does and is in.
    pub(in crate::session) fn end(&mut self) {
        if let Service::Broker(broker) = &mut self.service {
            // A command that still waits must not outlive its listener.
            broker.end();
        }
        self.rooms.joined.clear();
    }
}

impl Namespaces {
    fn find(&self, name: &str) -> Option<usize> {
        self.joined.iter().position(|joined| &*joined.name == name)
    }

    fn get(&self, at: usize) -> Option<&Joined> {
        self.joined.get(at)
    }

    fn join(&mut self, name: &str) -> (Serial, Rc<str>) {
        let name: Rc<str> = name.into();
        let serial = self.next;
        self.next = self.next.wrapping_add(1);
        self.alone = None;
        self.joined.reserve_exact(1);
        self.joined.push(Joined {
            name: name.clone(),
            serial,
            membership: Membership::Asked,
        });
        (serial, name)
    }

    fn leave(&mut self, at: usize) -> Membership {
        let left = self.joined.swap_remove(at);
        if self.joined.is_empty() {
            self.alone = Some(Instant::now());
        }
        left.membership
    }

    /// As `leave`, if it is still in.
    pub(super) fn take(&mut self, serial: Serial) -> Option<(Rc<str>, Membership)> {
        let at = self
            .joined
            .iter()
            .position(|joined| joined.serial == serial)?;
        let name = self.joined.get(at)?.name.clone();
        Some((name, self.leave(at)))
    }

    /// Lets a client into the namespace it asked for; answers whether it is still wanted.
    pub(super) fn admit(&mut self, serial: Serial, membership: Membership) -> bool {
        let joined = self
            .joined
            .iter_mut()
            .find(|joined| joined.serial == serial);
        if let Some(joined) = joined {
            joined.membership = membership;
            return true;
        }
        false
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Joined> {
        self.joined.iter()
    }
}
