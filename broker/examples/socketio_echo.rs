//! `socketio_echo PORT [flags]`: the broker's own Socket.IO server with what the protocol's
//! conformance suite asks for, on the namespaces `/` and `/custom`: the event `auth` with the
//! CONNECT's payload, `message` → `message-back`, `message-with-ack` → its arguments, and
//! `emit-with-ack`, which asks the client and returns what it acknowledged with. Flags and
//! defaults: see `echo/mod.rs`.

#[path = "echo/mod.rs"]
mod echo;

use tidegate::session::engineio::Service;

fn main() -> anyhow::Result<()> {
    echo::serve(Service::SocketEcho, "/socket.io/")
}
