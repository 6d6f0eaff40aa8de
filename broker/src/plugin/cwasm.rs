//! The one place that trusts machine code from a file.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a compiled component into the engine.
///
/// The file must be one that this broker wrote (`compile`): in a folder with mode 0700 and a file
/// with mode 0600, both owned by this process's user, put there by an atomic rename, and named by
/// the component's hash and the engine's compatibility hash. `compile` checks owner and modes.
#[expect(
    unsafe_code,
    reason = "wasmtime cannot check machine code; only our own compiler's output reaches this"
)]
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see above; who can write this file can already act as this process's user.
    unsafe { Component::deserialize_file(engine, path) }
}
