//! HTTP in front: accept, routes, upgrade.

pub mod config;

pub use config::ServerConfig;
