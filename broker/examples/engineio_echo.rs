//! `engineio_echo PORT [flags]`: the broker's own Engine.IO server, echoing every message, for
//! conformance suites. Flags and defaults: see `echo/mod.rs`.

#[path = "echo/mod.rs"]
mod echo;

use tidegate::session::engineio::Service;

fn main() -> anyhow::Result<()> {
    echo::serve(Service::EngineEcho, "/engine.io/")
}
