//! The plugin host: the only place that knows wasmtime. Knows no socket and no Redis.

pub mod config;

pub use config::{AuthorizeRule, Grant, PluginConfig, PluginSettings, PluginSpec};
