//! The harness of the end-to-end tests: it starts the real `tidegate` binary and real servers,
//! and speaks to them as clients do. It knows the broker only from outside, but for [`embedded`]
//! and [`store`].
//!
//! Nothing here sleeps for luck: [`wait`] polls a condition until a deadline, and a test shows
//! that something did *not* happen by a fence (a later message that must come next).

pub mod artifacts;
pub mod broker;
pub mod certificate;
pub mod chat;
pub mod client;
pub mod cluster;
pub mod cookies;
pub mod crowd;
pub mod dynamodb;
pub mod embedded;
pub mod frames;
pub mod http;
pub mod issuer;
pub mod kafka;
pub mod logs;
pub mod node;
pub mod page;
pub mod plugins;
pub mod ports;
pub mod process;
pub mod python;
pub mod raw;
pub mod redis;
pub mod sentry;
pub mod services;
pub mod setup;
pub mod slow;
pub mod socketio;
pub mod store;
pub mod tokens;
pub mod wait;
