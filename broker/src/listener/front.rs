use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::TcpStream;

use super::admission::{Admission, Place};
use super::config::ServerConfig;
use super::doors::{Arrival, Doors, WorkerDoor};
use super::pages::Pages;
use super::socketio::{Gate, GateParts};
use crate::identity::SessionIds;
use crate::node::Node;
use crate::session::engineio::{Service, Sessions};
use crate::session::{self, SocketIoConfig, WebSocketOptions};
use crate::shutdown::Lifecycle;
use crate::source::Ingest;

/// What one worker's HTTP side knows.
pub struct Front {
    pub node: Rc<Node>,
    pub lifecycle: Lifecycle,
    pub(super) config: Arc<ServerConfig>,
    pub(super) admission: Arc<Admission>,
    pub(super) ingest: Ingest,
    /// `None` = none are served.
    pub(super) pages: Option<Pages>,
    /// `None` = Socket.IO is off.
    pub(super) socketio: Option<Rc<Gate>>,
    doors: Doors,
    /// Calls over HTTP under way.
    calls: Cell<usize>,
}

/// What the front is made of.
pub struct FrontParts {
    pub node: Rc<Node>,
    pub lifecycle: Lifecycle,
    pub config: Arc<ServerConfig>,
    pub socketio: Arc<SocketIoConfig>,
    pub admission: Arc<Admission>,
    pub workers: Arc<[WorkerDoor]>,
    pub ingest: Ingest,
    pub pages: Option<Pages>,
}

impl Front {
    pub fn new(parts: FrontParts) -> Rc<Self> {
        let FrontParts {
            node,
            lifecycle,
            config,
            socketio,
            admission,
            workers,
            ingest,
            pages,
        } = parts;
        let doors = Doors::new(node.worker, workers);
        let gate = || {
            let service = Service::Broker(node.clone());
            let ids = SessionIds::new(config.node_id.clone(), node.worker);
            Gate::new(GateParts {
                sessions: Sessions::new(service, socketio.clone(), node.limits.clone(), ids),
                node_id: config.node_id.clone(),
                lifecycle: lifecycle.clone(),
                doors: doors.clone(),
                auth: Some(node.auth.clone()),
                admission: Some(admission.clone()),
            })
        };
        let socketio = socketio.enabled.then(gate);
        Rc::new(Self {
            node,
            lifecycle,
            config,
            admission,
            ingest,
            pages,
            socketio,
            doors,
            calls: Cell::new(0),
        })
    }

    /// The worker's coarse timer.
    pub fn tick(&self) {
        if let Some(gate) = &self.socketio {
            gate.sessions().sweep();
        }
    }

    /// Whether no session of the node is left (a worker may hold a polling request of another's), and
    /// no call over HTTP here.
    pub fn is_empty(&self) -> bool {
        let none = |gate: &Rc<Gate>| gate.sessions().is_empty();
        self.calls.get() == 0
            && self.node.connections() == 0
            && self.socketio.as_ref().is_none_or(none)
            && self.doors.are_empty()
    }

    /// Counts a call over HTTP until it is dropped.
    pub(super) fn count_call(self: &Rc<Self>) -> CountedCall {
        self.calls.set(self.calls.get() + 1);
        CountedCall(self.clone())
    }

    /// Lets every session leave, spread over `spread`.
    pub fn drain(&self, spread: Duration) {
        self.node.drain(spread);
        if let Some(gate) = &self.socketio {
            gate.sessions().drain(spread);
        }
    }

    /// Closes what is still open.
    pub fn close_all(&self) {
        self.node.close_all();
        if let Some(gate) = &self.socketio {
            gate.sessions().close_all();
        }
    }

    /// The client's address: the peer's, or what a trusted proxy says.
    pub(super) fn client_address(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = self
            .config
            .trusted_proxies
            .iter()
            .any(|net| net.contains(peer.ip()));
        let named = self
            .config
            .client_address_header
            .as_ref()
            .filter(|_| trusted);
        named
            .and_then(|name| headers.get_all(name).iter().next_back())
            .and_then(|value| value.to_str().ok())
            // A proxy appends: the last is the one it saw itself.
            .and_then(|list| list.rsplit(',').next())
            .and_then(|address| address.trim().parse().ok())
            .unwrap_or_else(|| peer.ip())
    }

    /// Gives an upgraded socket to a session here or on the worker with the fewest.
    pub(super) fn place(
        self: &Rc<Self>,
        stream: TcpStream,
        early: Bytes,
        options: WebSocketOptions,
        place: Place,
    ) {
        let Some(target) = self.doors.elsewhere() else {
            self.begin(stream, early, options, place);
            return;
        };
        match stream.into_std() {
            Ok(stream) => {
                let arrival = Arrival::WebSocket {
                    stream,
                    early,
                    options,
                    place,
                };
                // A worker that has ended drops the socket, as it does its own.
                let _ = self.doors.send(target, arrival);
            }
            Err(error) => tracing::warn!(%error, "cannot move a socket to another worker"),
        }
    }

    /// Takes in what arrived on another worker.
    pub fn adopt(self: &Rc<Self>, arrival: Arrival) {
        match (arrival, &self.socketio) {
            (
                Arrival::WebSocket {
                    stream,
                    early,
                    options,
                    place,
                },
                _,
            ) => match TcpStream::from_std(stream) {
                Ok(stream) => self.begin(stream, early, options, place),
                Err(error) => tracing::warn!(%error, "cannot adopt a socket"),
            },
            (
                Arrival::SocketIo {
                    stream,
                    early,
                    place,
                },
                Some(gate),
            ) => match TcpStream::from_std(stream) {
                Ok(stream) => gate.begin(stream, early, place),
                Err(error) => tracing::warn!(%error, "cannot adopt a socket"),
            },
            (Arrival::Request { id, request }, Some(gate)) => gate.sessions().take(&id, request),
            (Arrival::SocketIo { .. } | Arrival::Request { .. }, None) => {}
        }
    }

    fn begin(
        self: &Rc<Self>,
        stream: TcpStream,
        early: Bytes,
        options: WebSocketOptions,
        place: Place,
    ) {
        let node = self.node.clone();
        let counted = self.doors.count();
        tokio::task::spawn_local(async move {
            session::run(node, stream, early, options).await;
            drop((counted, place));
        });
    }
}

/// A call over HTTP that a drain waits for.
pub(super) struct CountedCall(Rc<Front>);

impl Drop for CountedCall {
    fn drop(&mut self) {
        self.0.calls.set(self.0.calls.get().saturating_sub(1));
    }
}
