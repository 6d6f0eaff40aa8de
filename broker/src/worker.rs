//! A thread and what lives on it; a node and its threads.

mod files;
mod group;
mod serve;
mod signals;
mod thread;

pub use serve::serve;
