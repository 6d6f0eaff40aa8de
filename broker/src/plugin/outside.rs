//! What hooks that wait reach beyond the plugin host. It knows no bus and no sessions: whoever puts
//! the node together gives it what it may do with them.

use futures_util::future::BoxFuture;

use crate::publication::Draft;
use crate::store::Store;

/// Something a plugin may ask for. Called and polled on the I/O runtime; may be dropped half-way.
pub type Verb<Q, A> = Box<dyn Fn(Q) -> BoxFuture<'static, Result<A, OutsideError>> + Send + Sync>;

pub struct Outside {
    /// `None` = there is none: no plugin may declare tables.
    pub store: Option<Store>,
    /// Resolves when the bus has taken the publication.
    pub publish: Verb<Draft, ()>,
    /// Stores a session document, JSON text. The session may be there even if this is dropped.
    pub create_session: Verb<String, StoredSession>,
    /// Removes a session and revokes its tokens on all nodes; one that is not there is no error.
    pub destroy_session: Verb<String, ()>,
}

/// A session that was just stored.
#[derive(Clone)]
pub struct StoredSession {
    pub id: String,
    /// The value of a `Set-Cookie` header.
    pub set_cookie: String,
}

/// Why something was not done; all of it is for the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideError {
    pub code: &'static str,
    pub message: String,
    pub retryable: bool,
}

impl Default for Outside {
    /// Leads nowhere.
    fn default() -> Self {
        Self {
            store: None,
            publish: Box::new(|_| nowhere()),
            create_session: Box::new(|_| nowhere()),
            destroy_session: Box::new(|_| nowhere()),
        }
    }
}

fn nowhere<A: Send + 'static>() -> BoxFuture<'static, Result<A, OutsideError>> {
    Box::pin(std::future::ready(Err(OutsideError {
        code: "unavailable",
        message: "there is no such thing here".into(),
        retryable: false,
    })))
}
