//! Settings: `tidegate.toml` < `.env` < environment, from raw to checked.
//!
//! [`table`] is the one list of settings. [`read`] turns what was given into [`Reading`], where
//! each value is well-formed by itself; [`Reading::settings`] compares them with each other and
//! builds what the modules take. No module sees anything but its own checked part.

pub mod check;
mod checked;
mod dotenv;
mod given;
mod ingest;
mod names;
pub mod origin;
mod plugins;
mod put;
mod raw;
mod reading;
mod show;
mod sources;
pub mod table;
mod tables;
mod value;

use crate::admin::AdminConfig;
use crate::auth::AuthConfig;
use crate::bus::BusConfig;
use crate::limits::Limits;
use crate::listener::ServerConfig;
use crate::observe::{LogConfig, SentryConfig};
use crate::outbox::TopicRule;
use crate::plugin::PluginConfig;
use crate::session::SocketIoConfig;
use crate::source::SourceConfig;
use crate::store::StoreConfig;

pub use origin::{Problem, Problems};
pub use reading::{Reading, read};
pub use show::{env_example, settings_doc};
pub use sources::Sources;
pub use value::{parse_duration, parse_size};

/// All that the broker is told, checked.
#[derive(Clone)]
pub struct Settings {
    pub server: ServerConfig,
    pub limits: Limits,
    pub socketio: SocketIoConfig,
    pub topics: Vec<TopicRule>,
    pub bus: BusConfig,
    pub auth: AuthConfig,
    pub store: StoreConfig,
    pub plugin: PluginConfig,
    pub source: SourceConfig,
    pub admin: AdminConfig,
    pub log: LogConfig,
    pub sentry: Option<SentryConfig>,
}

#[cfg(test)]
mod tests;
