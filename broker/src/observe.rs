//! Logs, panics and Sentry: what an operator sees of the program's own state.

mod logs;
mod panics;
mod sentry;

pub use logs::{LogConfig, LogFormat};
pub use sentry::SentryConfig;

/// Keeps logging alive; dropping it sends what Sentry has not got yet (at most 3 s).
#[must_use = "dropping it ends reporting to Sentry"]
pub struct Observing {
    _sentry: Option<::sentry::ClientInitGuard>,
}

/// Installs logging and the panic hook for the whole process, and Sentry if it is set. `node_id`
/// names this node there. A second call changes nothing about logs and panics.
pub fn start(log: &LogConfig, sentry: Option<&SentryConfig>, node_id: &str) -> Observing {
    logs::install(log, sentry.is_some());
    panics::install(|| Observing {
        _sentry: sentry.map(|config| sentry::start(config, node_id)),
    })
}
