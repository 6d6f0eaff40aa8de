//! End-to-end tests, one binary; each module is one subject.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod conversation;
