use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashSet;
use slab::Slab;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::application::Service;
use super::requests::Request;
use super::session::Session;
use crate::identity::{NoRandomness, SessionId, SessionIds};
use crate::limits::Limits;
use crate::node::{WorkerClock, jitter, ticks};
use crate::outbox::Ending;
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::Refusal;
use crate::session::SocketIoConfig;

/// At least so many sessions are looked at in one sweep, and at least a tenth of all.
const SWEEP: usize = 2_000;

/// The Engine.IO sessions of one worker.
pub struct Sessions {
    service: Service,
    config: Arc<SocketIoConfig>,
    limits: Arc<Limits>,
    ids: SessionIds,
    clock: WorkerClock,
    live: RefCell<Slab<Rc<Session>>>,
    by_id: RefCell<FxHashSet<ById>>,
    /// Where the sweep goes on.
    sweep_at: Cell<usize>,
}

/// A session, found by the text of its id.
struct ById(Rc<Session>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id().as_str()
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().as_str().hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Sessions {
    pub fn new(
        service: Service,
        config: Arc<SocketIoConfig>,
        limits: Arc<Limits>,
        ids: SessionIds,
    ) -> Rc<Self> {
        Rc::new(Self {
            service,
            config,
            limits,
            ids,
            clock: WorkerClock::start(),
            live: RefCell::default(),
            by_id: RefCell::default(),
            sweep_at: Cell::new(0),
        })
    }

    pub fn config(&self) -> &Arc<SocketIoConfig> {
        &self.config
    }

    /// Begins a session of a client that polls; answers it with the body of the handshake's
    /// answer. Whoever gets it must `run` it.
    pub fn open_polling(&self) -> Result<(Rc<Session>, Bytes), NoRandomness> {
        let session = self.open(None)?;
        let json = session.open_json(self.config.websocket);
        Ok((session, format!("0{json}").into()))
    }

    /// Begins a session of a client that begins with WebSocket. Whoever gets it must `run` it.
    pub fn open_websocket(
        &self,
        stream: TcpStream,
        early: Bytes,
    ) -> Result<Rc<Session>, NoRandomness> {
        let session = self.open(Some((stream, early)))?;
        session.greet();
        Ok(session)
    }

    fn open(&self, socket: Option<(TcpStream, Bytes)>) -> Result<Rc<Session>, NoRandomness> {
        let outbox = self.limits.outbox_bytes;
        let id = self.ids.fresh()?;
        let session = Session::new(id, &self.service, &self.config, socket, outbox);
        self.by_id.borrow_mut().insert(ById(session.clone()));
        let place = self.live.borrow_mut().insert(session.clone());
        session.place.set(place);
        Ok(session)
    }

    /// A session's life, until it ends.
    pub async fn run(self: Rc<Self>, session: Rc<Session>) {
        if let Service::Broker(node) = &self.service {
            node.numbers.connections.increment(1.0);
        }
        std::future::poll_fn(|cx| {
            let over = session.poll(cx);
            if let Service::Broker(node) = &self.service {
                node.hand_over();
            }
            over
        })
        .await;
        self.forget(&session);
        let ending = session.finish().await;
        if let Service::Broker(node) = &self.service {
            node.numbers.connections.decrement(1.0);
            node.numbers.disconnected(match ending {
                Ending::Closing(code) => code.reason(),
                Ending::Open | Ending::Gone => "gone",
            });
        }
    }

    fn forget(&self, session: &Rc<Session>) {
        self.by_id.borrow_mut().remove(session.id().as_str());
        self.live.borrow_mut().try_remove(session.place.get());
    }

    /// Hands a request to the session it names.
    pub fn take(&self, id: &SessionId, request: Request) {
        let by_id = self.by_id.borrow();
        let session = by_id.get(id.as_str()).map(|found| found.0.clone());
        drop(by_id);
        match session {
            Some(session) => session.take(request),
            None => request.refuse(Refusal::SessionUnknown),
        }
    }

    /// The worker's coarse timer: heartbeats and deadlines.
    pub fn sweep(&self) {
        let (tick, now) = (self.clock.advance(), Instant::now());
        let limit = ticks(self.limits.write_timeout);
        let end = self.live.borrow().capacity();
        let share = (end / 10).max(SWEEP).min(end);
        let mut at = self.sweep_at.get();
        for _ in 0..share {
            if at >= end {
                at = 0;
            }
            let session = self.live.borrow().get(at).cloned();
            if let Some(session) = session {
                let stalled = session.is_stalled(tick, limit);
                if stalled && let Service::Broker(node) = &self.service {
                    node.numbers.write_timeouts.increment(1);
                }
                session.on_time(now, stalled);
            }
            at += 1;
        }
        self.sweep_at.set(at);
    }

    /// Closes every session at a random time within `spread`, so that their clients do not all
    /// come to the next node at once.
    pub fn drain(&self, spread: Duration) {
        let now = Instant::now();
        for (_, session) in &*self.live.borrow() {
            session.leave_at(now + jitter(spread));
        }
    }

    /// Closes what is still open.
    pub fn close_all(&self) {
        for (_, session) in &*self.live.borrow() {
            session.close(CloseCode::GoingAway);
        }
    }

    pub fn len(&self) -> usize {
        self.live.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.live.borrow().is_empty()
    }
}
