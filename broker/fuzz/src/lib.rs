//! The codecs of the broker, compiled without the rest of it: `protocol` is a link to the
//! broker's own source, so that a fuzzer starts after seconds and not after wasmtime.
//!
//! `cargo install cargo-fuzz`, then in `broker`: `cargo fuzz run -s none frames` (or `pubsub`,
//! `engineio`, `socketio`), which needs no nightly toolchain.

pub mod protocol;
