//! End-to-end tests, one binary; each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod auth_ws;
mod broken_plugins;
mod cli;
mod commands;
mod conversation;
mod crowds;
mod drain;
mod examples;
mod failing_plugins;
mod gateway_rules;
mod hostile_frames;
mod hostile_http;
mod http_publish;
mod notifications;
mod notifications_page;
mod observed;
mod other_clients;
mod redis_bus;
mod redis_modes;
mod redis_outage;
mod refusals;
mod reload;
mod serve;
mod slow_consumers;
mod socketio;
mod socketio_clients;
mod timers;
mod trust;
mod user_service;
