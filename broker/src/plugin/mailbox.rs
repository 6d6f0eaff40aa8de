//! What the control plane tells one worker.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::generation::Generation;
use super::instance::Instance;
use super::remembered::Origin;

pub(super) enum Post {
    /// Serve with this from the next turn on; the current one stays warm.
    Switch(Arc<Generation>, Instance),
    /// Go back to the one before this.
    RollBack(Origin),
    /// This one has passed its probation: let the one before go.
    Keep(Origin),
}

impl Post {
    /// The generation that it is about.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Switch(generation, _) => generation.origin,
            Self::RollBack(origin) | Self::Keep(origin) => *origin,
        }
    }
}

/// Few and small: one post per worker and reload.
#[derive(Default)]
pub(super) struct Mailbox {
    posts: Mutex<Vec<Post>>,
    arrived: Notify,
}

impl Mailbox {
    pub(super) fn post(&self, post: Post) {
        self.posts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(post);
        self.arrived.notify_one();
    }

    /// Resolves when there is mail. Cancel-safe.
    pub(super) async fn arrived(&self) {
        while self.is_empty() {
            self.arrived.notified().await;
        }
    }

    pub(super) fn take(&self) -> Vec<Post> {
        std::mem::take(&mut *self.posts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.posts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

/// Tells a worker that new generations or roll-backs wait for it.
pub struct PluginChanges(pub(super) Arc<Mailbox>);

impl PluginChanges {
    /// Resolves when there are some. Cancel-safe.
    pub async fn arrived(&self) {
        self.0.arrived().await;
    }
}
