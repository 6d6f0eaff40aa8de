//! A thread and what lives on it; a node and its threads.

mod files;
mod group;
mod outside;
mod serve;
mod signals;
mod thread;

pub use serve::serve;
