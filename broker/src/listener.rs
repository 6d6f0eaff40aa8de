//! HTTP in front: accept, routes, upgrade.

pub mod accept;
mod admission;
mod auth_ws;
mod call;
pub mod config;
mod cookies;
mod doors;
mod front;
mod ingest;
mod pages;
mod publish;
mod reply;
mod request;
mod routes;
mod service;
pub mod socket;
pub mod socketio;
pub mod upgrade;

pub use admission::Admission;
pub use config::ServerConfig;
pub use doors::{Arrival, Doors, WorkerDoor};
pub use front::{Front, FrontParts};
pub use pages::Pages;
