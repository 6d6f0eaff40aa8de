use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::admission::Place;
use crate::identity::SessionId;
use crate::session::WebSocketOptions;
use crate::session::engineio::Request;

/// How what arrived elsewhere reaches a worker, and how many sessions it has.
pub struct WorkerDoor {
    pub arrivals: mpsc::UnboundedSender<Arrival>,
    pub sessions: AtomicUsize,
}

/// What arrived on one worker and is another's.
pub enum Arrival {
    /// An upgraded socket that begins a `/ws` session.
    WebSocket {
        stream: std::net::TcpStream,
        early: Bytes,
        options: WebSocketOptions,
        place: Place,
    },
    /// An upgraded socket that begins a Socket.IO session.
    SocketIo {
        stream: std::net::TcpStream,
        early: Bytes,
        place: Option<Place>,
    },
    /// A request for a Socket.IO session.
    Request { id: SessionId, request: Request },
}

/// A worker gives sockets away only when it has so many sessions more than the least loaded:
/// moving one costs two system calls and a wake-up.
const IMBALANCE: usize = 32;

/// The doors of all workers, as one of them sees them.
#[derive(Clone)]
pub struct Doors {
    here: usize,
    workers: Arc<[WorkerDoor]>,
}

impl Doors {
    pub fn new(here: usize, workers: Arc<[WorkerDoor]>) -> Self {
        Self { here, workers }
    }

    pub(super) fn here(&self) -> usize {
        self.here
    }

    /// The worker that a new session is better off on; `None` = here.
    pub(super) fn elsewhere(&self) -> Option<usize> {
        let load = |at: usize| {
            let sessions = self.workers.get(at).map(|worker| &worker.sessions);
            sessions.map_or(0, |sessions| sessions.load(Ordering::Relaxed))
        };
        let least = (0..self.workers.len()).min_by_key(|at| load(*at));
        least.filter(|at| load(*at) + IMBALANCE < load(self.here))
    }

    /// Sends to a worker; what it does not take (it has ended, or there is none) comes back.
    pub(super) fn send(&self, worker: usize, arrival: Arrival) -> Result<(), Arrival> {
        match self.workers.get(worker) {
            Some(door) => door.arrivals.send(arrival).map_err(|error| error.0),
            None => Err(arrival),
        }
    }

    /// Counts a session of this worker until it is dropped.
    pub(super) fn count(&self) -> Counted {
        if let Some(door) = self.workers.get(self.here) {
            door.sessions.fetch_add(1, Ordering::Relaxed);
        }
        Counted(self.clone())
    }
}

pub(super) struct Counted(Doors);

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(door) = self.0.workers.get(self.0.here) {
            door.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
