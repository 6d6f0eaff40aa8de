//! `tidegate serve`.

use std::path::PathBuf;

use super::{Failure, settings};
use crate::listener::accept;
use crate::{admin, auth, bus, metrics, node, observe, plugin, source, store, worker};

pub(super) const HELP: &str = "\
With no settings at all it listens on port 4444, keeps its files in .tidegate and loads the
plugins gateway, notifications and chat from `plugins` beside the program.

Examples:
  tidegate serve
  PORT=8080 TIDEGATE_ADMIN=127.0.0.1:9091 tidegate serve
  REDIS_URL=redis://localhost tidegate serve      # several nodes, one audience

SIGTERM or SIGINT lets clients go within server.drain_timeout; a second one ends at once.";

/// Settings, then what makes everything after it visible, then the broker itself.
pub(super) fn run(file: Option<PathBuf>) -> Result<(), Failure> {
    let settings = settings::for_serving(file)?;
    let _observing = observe::start(
        &settings.log,
        settings.sentry.as_ref(),
        settings.server.node_id.as_str(),
    );
    metrics::install().map_err(|what| Failure::Failed(anyhow::Error::msg(what)))?;
    describe_metrics();
    metrics::show_build(settings.server.node_id.as_str());
    worker::serve(settings).map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "cannot serve");
        Failure::Logged
    })
}

/// Every module's; `docs/metrics.md` is made from it.
pub fn describe_metrics() {
    metrics::describe_metrics();
    admin::describe_metrics();
    auth::describe_metrics();
    bus::describe_metrics();
    store::describe_metrics();
    plugin::describe_metrics();
    node::describe_metrics();
    source::describe_metrics();
    accept::describe_metrics();
}

#[cfg(test)]
mod described;
