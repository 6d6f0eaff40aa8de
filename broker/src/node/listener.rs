use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::clock::Tick;
use super::subscribe::Binding;
use crate::auth::Principal;
use crate::outbox::Connection;
use crate::protocol::socketio;
use crate::topic::Topic;

/// What a listener is told outside of publications and answers; its session gives it a wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// It no longer listens to these.
    Revoked(&'a [&'a str]),
    /// Publications on these (`None` = any) were or may have been lost.
    Missed {
        topics: Option<&'a [&'a str]>,
        reason: &'a str,
    },
    /// It should connect anew, here or elsewhere.
    Reconnect,
    /// Are you there?
    Ping,
}

/// The wire form of what a listener hears, and who looks after its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `/ws`. The node keeps its deadlines and heartbeats.
    Pubsub,
    /// Socket.IO's main namespace. Its session keeps deadlines and heartbeats.
    Main,
    /// Another namespace of Socket.IO, by name.
    Namespace(Rc<str>),
}

impl Wire {
    /// Socket.IO's namespace.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Namespace(name) => name,
            Self::Pubsub | Self::Main => socketio::MAIN,
        }
    }
}

/// Queues a notice on a connection; answers `false` if the listener's protocol has no form for it.
pub type Notify = fn(&Connection, &Wire, Notice<'_>) -> bool;

/// What the node knows of a session.
pub struct Listener {
    pub connection: Rc<Connection>,
    pub wire: Wire,
    pub notify: Notify,
    grants: RefCell<Vec<Grant>>,
    pub(super) times: Times,
    commanded: Cell<bool>,
    /// Told of a loss that it has not yet read.
    told_missed: Cell<bool>,
}

/// Ticks at which something is due; 0 = nothing.
pub(super) struct Times {
    pub connected: Tick,
    pub heard: Cell<Tick>,
    pub pinged: Cell<Tick>,
    /// The earliest `Grant::due`.
    pub grants: Cell<Tick>,
    pub reconnect: Cell<Tick>,
    /// The last time it was told to reconnect.
    pub reconnected: Cell<Tick>,
    pub close: Cell<Tick>,
}

/// A topic that a listener may listen to, and in whose name.
pub(super) struct Grant {
    pub topic: Topic,
    pub principal: Arc<Principal>,
    pub binding: Binding,
    /// When the token expires.
    pub expires: Tick,
    /// When the plugin wants to be asked again.
    pub recheck: Tick,
}

impl Grant {
    fn due(&self) -> Tick {
        match (self.expires, self.recheck) {
            (0, other) | (other, 0) => other,
            (expires, recheck) => expires.min(recheck),
        }
    }
}

impl Listener {
    pub fn new(connection: Rc<Connection>, wire: Wire, notify: Notify, now: Tick) -> Self {
        Self {
            connection,
            wire,
            notify,
            grants: RefCell::default(),
            times: Times {
                connected: now,
                heard: Cell::new(now),
                pinged: Cell::new(0),
                grants: Cell::new(0),
                reconnect: Cell::new(0),
                reconnected: Cell::new(0),
                close: Cell::new(0),
            },
            commanded: Cell::new(false),
            told_missed: Cell::new(false),
        }
    }

    pub fn heard(&self, now: Tick) {
        self.times.heard.set(now);
    }

    pub fn set_commanded(&self) {
        self.commanded.set(true);
    }

    pub fn is_commanded(&self) -> bool {
        self.commanded.get()
    }

    pub fn grant_count(&self) -> usize {
        self.grants.borrow().len()
    }

    pub fn notify(&self, notice: Notice<'_>) -> bool {
        (self.notify)(&self.connection, &self.wire, notice)
    }

    /// Whether this loss is the first since the client last read all that waited.
    pub fn first_loss(&self) -> bool {
        !self.told_missed.replace(true)
    }

    pub fn caught_up(&self) {
        self.told_missed.set(false);
    }

    pub(super) fn put_grant(&self, grant: Grant) {
        let mut grants = self.grants.borrow_mut();
        match grants.iter_mut().find(|known| known.topic == grant.topic) {
            Some(known) => *known = grant,
            None => {
                grants.reserve_exact(1);
                grants.push(grant);
            }
        }
        self.times.grants.set(earliest(&grants));
    }

    pub(super) fn drop_grant(&self, topic: &str) {
        let mut grants = self.grants.borrow_mut();
        grants.retain(|grant| grant.topic.as_str() != topic);
        self.times.grants.set(earliest(&grants));
    }

    /// Looks at every grant; what `decide` answers `false` for is dropped and returned.
    pub(super) fn review(&self, mut decide: impl FnMut(&mut Grant) -> bool) -> Vec<Topic> {
        let mut revoked = Vec::new();
        let mut grants = self.grants.borrow_mut();
        grants.retain_mut(|grant| {
            let keep = decide(grant);
            if !keep {
                revoked.push(grant.topic.clone());
            }
            keep
        });
        self.times.grants.set(earliest(&grants));
        revoked
    }
}

fn earliest(grants: &[Grant]) -> Tick {
    grants
        .iter()
        .map(Grant::due)
        .filter(|due| *due > 0)
        .min()
        .unwrap_or(0)
}
