//! HTTP in front: accept, routes, upgrade.

pub mod accept;
mod admission;
mod auth_ws;
pub mod config;
mod front;
mod ingest;
mod publish;
mod reply;
mod routes;
mod service;
pub mod socket;
pub mod upgrade;

pub use admission::Admission;
pub use config::ServerConfig;
pub use front::{Arrival, Front, FrontParts, WorkerDoor};
