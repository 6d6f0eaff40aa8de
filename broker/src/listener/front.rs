use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::admission::{Admission, Place};
use super::config::ServerConfig;
use crate::node::Node;
use crate::session::{self, WebSocketOptions};
use crate::shutdown::Lifecycle;
use crate::source::Ingest;

/// What one worker's HTTP side knows.
pub struct Front {
    pub node: Rc<Node>,
    pub lifecycle: Lifecycle,
    pub(super) config: Arc<ServerConfig>,
    pub(super) admission: Arc<Admission>,
    pub(super) ingest: Ingest,
    workers: Arc<[WorkerDoor]>,
}

/// What the front is made of.
pub struct FrontParts {
    pub node: Rc<Node>,
    pub lifecycle: Lifecycle,
    pub config: Arc<ServerConfig>,
    pub admission: Arc<Admission>,
    pub workers: Arc<[WorkerDoor]>,
    pub ingest: Ingest,
}

/// How sockets reach a worker, and how many sessions it has.
pub struct WorkerDoor {
    pub arrivals: mpsc::UnboundedSender<Arrival>,
    pub sessions: AtomicUsize,
}

/// An upgraded socket on its way to its worker.
pub struct Arrival {
    stream: std::net::TcpStream,
    early: Bytes,
    options: WebSocketOptions,
    place: Place,
}

/// A worker gives sockets away only when it has so many sessions more than the least loaded:
/// moving one costs two system calls and a wake-up.
const IMBALANCE: usize = 32;

impl Front {
    pub fn new(parts: FrontParts) -> Rc<Self> {
        let FrontParts {
            node,
            lifecycle,
            config,
            admission,
            workers,
            ingest,
        } = parts;
        Rc::new(Self {
            node,
            lifecycle,
            config,
            admission,
            ingest,
            workers,
        })
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
        let here = self.node.worker;
        let load = |worker: &WorkerDoor| worker.sessions.load(Ordering::Relaxed);
        let least = (0..self.workers.len()).min_by_key(|at| load(&self.workers[*at]));
        let target =
            least.filter(|at| load(&self.workers[*at]) + IMBALANCE < load(&self.workers[here]));
        let Some(target) = target else {
            self.begin(stream, early, options, place);
            return;
        };
        match stream.into_std() {
            Ok(stream) => {
                let arrival = Arrival {
                    stream,
                    early,
                    options,
                    place,
                };
                // A worker that has ended drops the socket, as it does its own.
                let _ = self.workers[target].arrivals.send(arrival);
            }
            Err(error) => tracing::warn!(%error, "cannot move a socket to another worker"),
        }
    }

    /// Takes in a socket that another worker gave away.
    pub fn adopt(self: &Rc<Self>, arrival: Arrival) {
        let Arrival {
            stream,
            early,
            options,
            place,
        } = arrival;
        match TcpStream::from_std(stream) {
            Ok(stream) => self.begin(stream, early, options, place),
            Err(error) => tracing::warn!(%error, "cannot adopt a socket"),
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
        let workers = self.workers.clone();
        workers[node.worker]
            .sessions
            .fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_local(async move {
            let worker = node.worker;
            session::run(node, stream, early, options).await;
            workers[worker].sessions.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }
}
