//! Readiness and the phases of a shutdown, shared by everything that must know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    started: AtomicBool,
    bus_lost: AtomicBool,
    draining: CancellationToken,
    ended: CancellationToken,
}

impl Lifecycle {
    pub fn new() -> Self {
        Self::default()
    }

    /// All listeners are bound and all plugins loaded.
    pub fn set_started(&self) {
        self.0.started.store(true, Ordering::Release);
    }

    /// Whether the bus hears what it publishes; set by the bus's probe.
    pub fn set_bus_live(&self, live: bool) {
        self.0.bus_lost.store(!live, Ordering::Release);
    }

    /// Whether the bus hears what it publishes.
    pub fn is_bus_live(&self) -> bool {
        !self.0.bus_lost.load(Ordering::Acquire)
    }

    /// Not ready from here on; sessions leave.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    /// The drain's deadline has passed or a second signal came: everything ends at once.
    pub fn end(&self) {
        self.0.draining.cancel();
        self.0.ended.cancel();
    }

    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Resolves when the drain begins. Cancel-safe.
    pub async fn draining(&self) {
        self.0.draining.cancelled().await;
    }

    /// Resolves when everything must end. Cancel-safe.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Why this node should get no traffic; `None` = ready (`/readyz`).
    pub fn unready(&self) -> Option<&'static str> {
        if self.is_draining() {
            Some("draining")
        } else if !self.0.started.load(Ordering::Acquire) {
            Some("starting")
        } else if !self.is_bus_live() {
            Some("the bus does not hear its own publications")
        } else {
            None
        }
    }
}
