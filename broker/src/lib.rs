//! Tidegate, a real-time edge broker whose policy and product logic are WebAssembly components.
//!
//! Modules stand in the order of their layers, lowest first; a module uses only those above it
//! in this list. `ARCHITECTURE.md` is the map, `tests/layers.rs` holds the rule.

mod backoff;
pub mod identity;
pub mod limits;
pub mod metrics;
pub mod observe;
mod percent;
mod private_file;
pub mod shutdown;
pub mod topic;

pub mod protocol;
pub mod publication;
pub mod store;

pub mod auth;
pub mod bus;
pub mod outbox;
pub mod plugin;

pub mod hub;

pub mod node;

pub mod session;
pub mod source;

pub mod admin;
pub mod listener;

pub mod cli;
pub mod config;
pub mod worker;
