//! The operators' listener, apart from the public one: it has a thread and a runtime of its own,
//! so that it answers when the workers are busy. It binds only where the settings say and asks
//! for no token.
//!
//! | request | answer |
//! |---|---|
//! | `GET /metrics` | Prometheus text |
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200, or 503 with the reason |
//! | `GET /plugins` | the plugins' state as JSON |
//! | `POST /plugins/{name}/reload` | 202, the outcome is in the log and in `GET /plugins` |
//! | `POST /sessions/{id}/revoke` | ends the session and its tokens on all nodes; 200, or 503 and what was not done |
//! | `POST /subjects/{sub}/revoke` | ends the subject's tokens on all nodes; as above |

mod routes;
mod server;

use std::net::SocketAddr;
use std::pin::Pin;

use metrics::describe_counter;

use crate::shutdown::Lifecycle;

pub use server::{Admin, AdminError, start};

/// Checked settings of the admin listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminConfig {
    /// `None` = no admin listener.
    pub bind: Option<SocketAddr>,
}

/// The text that Prometheus scrapes, brought up to date first.
pub type ShowMetrics = Box<dyn Fn() -> String + Send + Sync>;

/// The state of all plugins as JSON.
pub type ShowPlugins = Box<dyn Fn() -> serde_json::Value + Send + Sync>;

/// Asks for a reload of the named plugin and does not wait for it; `false` = there is none.
pub type ReloadPlugin = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Whose tokens are to be refused on all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    Session(String),
    Subject(String),
}

/// Refuses tokens on all nodes; the error says what was not done.
pub type Revoke = Box<dyn Fn(Revoked) -> Revoking + Send + Sync>;
pub type Revoking = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What the listener shows and steers. The closures run on the admin thread.
pub struct Control {
    pub lifecycle: Lifecycle,
    pub metrics: ShowMetrics,
    pub plugins: ShowPlugins,
    pub reload: ReloadPlugin,
    pub revoke: Revoke,
}

pub fn describe_metrics() {
    describe_counter!(
        "tidegate_admin_requests_total",
        "Requests to the admin listener, by `status`"
    );
}

#[cfg(test)]
mod tests;
