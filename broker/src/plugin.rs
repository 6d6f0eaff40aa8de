//! The plugin host: the only place that knows wasmtime. Knows no socket and no Redis.
//!
//! [`PluginHost`] is the control plane: it loads components, watches their files and makes new
//! generations on threads that serve nobody. [`WorkerPlugins`] is what one worker has: an
//! instance of each plugin that it calls, asked by plain calls on the worker's own thread, and
//! the decisions it remembers. [`SourcePlugins`] is the same for the thread that maps records.
//! Between host and threads there is one mailbox each; a thread switches generations between
//! turns. [`IoPlugins`] asks the hooks that wait: they run on the I/O runtime, on an engine of
//! their own, in a pool of instances per plugin, and reach what [`Outside`] gives them.
//!
//! | from | to | in |
//! |---|---|---|
//! | files | settled bytes and settings | `settle`, `settings`, `watch` |
//! | bytes | a component that fits `wit/` and the grants | `candidate`, `contract`, `manifest` |
//! | component | machine code | `compile`, `cwasm`, `engine` |
//! | machine code | instances, one Store each | `instance`, `imports`, `unavailable`, `deadline`, `generation` |
//! | instances | answers | `authorizer`, `source`, `seat`, `remembered`, `route`, `health` |
//! | instances | answers that wait | `io` |

pub mod config;

mod authorizer;
mod bindings;
mod candidate;
mod claims;
mod clock;
mod compile;
mod contract;
mod cwasm;
mod deadline;
mod engine;
mod environment;
mod error;
mod generation;
mod health;
mod host;
mod imports;
mod instance;
mod io;
mod load;
mod mailbox;
mod manifest;
mod meters;
mod nursery;
mod outside;
mod reach;
mod registry;
mod reload;
mod remembered;
mod report;
mod route;
mod seat;
mod settings;
mod settle;
mod source;
mod status;
mod tables;
mod tally;
#[cfg(test)]
mod tests;
mod ticks;
mod unavailable;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use authorizer::WorkerPlugins;
pub use config::{
    AdmissionLimits, AuthorizeRule, Environment, Grant, HandlerLimits, HttpHost, MapperClaim,
    PluginConfig, PluginSettings, PluginSpec,
};
pub use environment::BadVariable;
pub use error::{CallError, LoadError, PluginError, PrincipalError, UnknownPlugin};
pub use host::{Handed, PluginHost};
pub use io::{Call, CallRefused, Called, Caller, CookieChange, IoPlugins, NotAdmitted, Transport};
pub use mailbox::PluginChanges;
pub use meters::describe_metrics;
pub use outside::{Outside, OutsideError, StoredSession, Verb};
pub use source::{Mapped, Outcome, Record, SourcePlugins};
pub use status::{PluginStatus, State};
pub use tables::tables_of;

/// What a caller wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Action {
    Listen = 0,
    Publish = 1,
}

/// A plugin's answer; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    /// After this time an open listener is to be asked about again; `None` = only after a reload
    /// and when its token changes.
    pub recheck_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// With the reason, which is for the client; may be empty.
    Deny(Arc<str>),
}

/// Whom a session stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Never empty.
    pub subject: String,
    /// Separated by single spaces.
    pub scopes: String,
}
