//! Errors and panics to Sentry.

use std::time::Duration;

use ::sentry::{ClientInitGuard, ClientOptions};

/// How long the end of the process waits for reports under way.
const FLUSH: Duration = Duration::from_secs(3);

/// The DSN holds a key: no `Debug`.
#[derive(Clone)]
pub struct SentryConfig {
    pub dsn: String,
    pub environment: Option<String>,
}

/// Panics carry their stack. Errors do not: to resolve one takes long enough to hold up the worker
/// that logs it.
pub(super) fn start(config: &SentryConfig, node_id: &str) -> ClientInitGuard {
    let release = concat!("tidegate@", env!("CARGO_PKG_VERSION"));
    let environment = config.environment.clone();
    let options = ClientOptions::new()
        .dsn(&config.dsn)
        .release(release)
        .environment(environment.unwrap_or_else(|| "production".to_owned()))
        .server_name(node_id.to_owned())
        .send_default_pii(false)
        .shutdown_timeout(FLUSH);
    ::sentry::init(options)
}
