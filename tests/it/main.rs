//! End-to-end tests, one binary; each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod auth_ws;
mod cli;
mod commands;
mod conversation;
mod gateway_rules;
mod http_publish;
mod refusals;
mod serve;
mod timers;
mod trust;
