//! Socket.IO, revision 5, over an Engine.IO session: namespaces, and what their events do.

mod answer;
mod broker;
mod client;
mod connect;
mod echo;
mod verb;

pub(super) use client::{Client, Service};
