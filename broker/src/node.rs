//! The verbs of the broker on one worker: connect, listen, publish, call, disconnect. Asks the
//! plugin, changes the hub, tells the bus, counts. Knows no wire forms.

mod call;
mod clock;
mod deliver;
mod listener;
mod logout;
mod numbers;
mod publish;
mod refusal;
mod revoke;
mod run;
mod subscribe;
mod sweep;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use slab::Slab;

use crate::auth::{Auth, Principal};
use crate::bus::Bus;
use crate::hub::{Hub, ListenerId};
use crate::identity::{NodeId, SessionIds};
use crate::limits::Limits;
use crate::outbox::{Connection, SlowConsumer, TopicRule};
use crate::plugin::{IoPlugins, NotAdmitted, Transport, WorkerPlugins};

pub use clock::{Tick, WorkerClock, is_past, ticks};
pub use listener::{Listener, Notice, Notify, Wire};
pub use logout::{LoggedOut, Logout};
pub use numbers::{Numbers, describe_metrics};
pub use refusal::Refusal;
pub use revoke::jitter;
pub use subscribe::Binding;

/// What one worker shares among its sessions. Lives on one thread.
pub struct Node {
    pub worker: usize,
    pub session_ids: SessionIds,
    pub limits: Arc<Limits>,
    pub auth: Auth,
    pub clock: WorkerClock,
    pub numbers: Numbers,
    bus: Bus,
    /// Most specific pattern first.
    rules: Arc<[TopicRule]>,
    hub: RefCell<Hub>,
    /// By topic key: what happens when a listener is slow.
    policy_of: RefCell<Vec<SlowConsumer>>,
    plugins: RefCell<WorkerPlugins>,
    io_plugins: IoPlugins,
    listeners: RefCell<Slab<Listener>>,
    dirty: RefCell<Vec<ListenerId>>,
    /// Where the sweep over all listeners goes on.
    sweep_at: Cell<usize>,
    /// Where asking all listeners again goes on, after a reload.
    recheck_at: Cell<Option<usize>>,
    /// Revocations that the listeners were looked through for.
    revocations: Cell<u64>,
    /// Where that goes on.
    purge_at: Cell<Option<usize>>,
    draining: Cell<bool>,
    /// Something was published and not handed over.
    published: Cell<bool>,
}

/// What a worker's node is made of.
pub struct Parts {
    /// The id of the whole node.
    pub id: NodeId,
    pub worker: usize,
    pub limits: Arc<Limits>,
    pub rules: Arc<[TopicRule]>,
    pub auth: Auth,
    pub bus: Bus,
    pub plugins: WorkerPlugins,
    pub io_plugins: IoPlugins,
}

impl Node {
    pub fn new(parts: Parts) -> Rc<Self> {
        let Parts {
            id,
            worker,
            limits,
            rules,
            auth,
            bus,
            plugins,
            io_plugins,
        } = parts;
        Rc::new(Self {
            worker,
            session_ids: SessionIds::new(id, worker),
            limits,
            auth,
            clock: WorkerClock::start(),
            numbers: Numbers::new(worker),
            bus,
            rules,
            hub: RefCell::default(),
            policy_of: RefCell::default(),
            plugins: RefCell::new(plugins),
            io_plugins,
            listeners: RefCell::default(),
            dirty: RefCell::default(),
            sweep_at: Cell::new(0),
            recheck_at: Cell::new(None),
            revocations: Cell::new(0),
            purge_at: Cell::new(None),
            draining: Cell::new(false),
            published: Cell::new(false),
        })
    }

    /// Whether a principal may stay who has shown a valid token. Mostly known at once: when no
    /// plugin admits, and while an answer is remembered. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The plugin refuses, or gave no answer.
    pub async fn admit(
        &self,
        principal: &Principal,
        transport: Transport,
    ) -> Result<(), NotAdmitted> {
        let (subject, scopes) = (&*principal.subject, &*principal.scopes);
        match self.io_plugins.remembered_admission(subject, scopes) {
            Some(answer) => answer,
            None => self.io_plugins.admit(subject, scopes, transport).await,
        }
    }

    /// Takes a listener in; those of one Socket.IO connection share it. Every call is paired with
    /// one of `disconnect`.
    pub fn connect(&self, connection: Rc<Connection>, wire: Wire, notify: Notify) -> ListenerId {
        let listener = Listener::new(connection, wire, notify, self.clock.now());
        self.listeners.borrow_mut().insert(listener) as ListenerId
    }

    /// Forgets a listener and all it listened to.
    pub fn disconnect(&self, id: ListenerId) {
        for topic in self.hub.borrow_mut().remove(id) {
            self.bus.unsubscribe(self.worker, topic);
        }
        let mut listeners = self.listeners.borrow_mut();
        if listeners.contains(id as usize) {
            let listener = listeners.remove(id as usize);
            self.numbers
                .listening
                .decrement(listener.grant_count() as f64);
        }
    }

    /// Listeners of this worker.
    pub fn connections(&self) -> usize {
        self.listeners.borrow().len()
    }

    /// Notes that something came from the client.
    pub fn heard(&self, id: ListenerId) {
        if let Some(listener) = self.listeners.borrow().get(id as usize) {
            listener.heard(self.clock.now());
        }
    }

    /// Notes that the client gave a command that makes its connection a used one.
    pub fn commanded(&self, id: ListenerId) {
        if let Some(listener) = self.listeners.borrow().get(id as usize) {
            listener.set_commanded();
        }
    }

    /// Turns a session document into who it speaks for.
    pub fn principal(
        &self,
        document: &str,
    ) -> Result<crate::plugin::Identity, crate::plugin::PrincipalError> {
        self.plugins.borrow_mut().principal(document)
    }

    /// Switches to new generations of plugins, between turns; listeners are asked again if that
    /// may change an answer.
    pub fn switch_plugins(&self) {
        if self.plugins.borrow_mut().switch() {
            self.start_recheck();
        }
    }
}
