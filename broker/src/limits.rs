//! Named limits, each with its reason. All are settings (`[limits]`).

use std::time::Duration;

/// What one node and one connection may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to the end of the request head, and from there to the end of a body (408): a
    /// slow one holds a socket and hyper's buffers.
    pub handshake_timeout: Duration,
    /// The body of an HTTP request (`POST /publish`), in bytes.
    pub body_bytes: usize,
    /// The payload of one WebSocket frame, in bytes.
    pub frame_bytes: usize,
    /// A whole message over all its fragments, in bytes.
    pub message_bytes: usize,
    /// Topics one connection listens to; Twitch PubSub's limit.
    pub topics_per_connection: usize,
    /// Messages a client may send in one second; above it the socket is closed (4008).
    pub messages_per_second: u32,
    /// Connections from one client address; 0 = no limit, for behind a proxy that is not trusted
    /// all clients share one.
    pub connections_per_address: usize,
    /// Sessions of this node.
    pub connections: usize,
    /// Bytes waiting for one client before its slow-consumer policy acts.
    pub outbox_bytes: usize,
    /// The first LISTEN, PUBLISH, CALL or AUTH must come within this time of the upgrade.
    pub first_command_timeout: Duration,
    /// A client of which nothing is heard for this long, not even a pong, is closed: three
    /// heartbeats.
    pub idle_timeout: Duration,
    /// How often an idle client gets a WebSocket ping.
    pub heartbeat: Duration,
    /// A started write that makes no progress for this long ends the connection.
    pub write_timeout: Duration,
    /// LISTEN, UNLISTEN, AUTH and PUBLISH of one connection that wait their turn; above it the
    /// socket is not read.
    pub queued_commands: usize,
    /// PUBLISHes of one connection that were handed to the bus and not yet acknowledged. Enough
    /// for the default message rate over a Redis that is 50 ms away.
    pub publications_in_flight: usize,
    /// CALLs of one connection that run at once; above it the socket is not read.
    pub concurrent_calls: usize,
    /// Publications waiting for one worker.
    pub inbox_publications: usize,
    /// The payload of one publication, in bytes of JSON text.
    pub publication_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            body_bytes: 1 << 20,
            frame_bytes: 64 << 10,
            message_bytes: 64 << 10,
            topics_per_connection: 50,
            messages_per_second: 5_000,
            connections_per_address: 0,
            connections: 100_000,
            outbox_bytes: 1 << 20,
            first_command_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            heartbeat: Duration::from_secs(25),
            write_timeout: Duration::from_secs(10),
            queued_commands: 64,
            publications_in_flight: 256,
            concurrent_calls: 16,
            inbox_publications: 65_536,
            publication_bytes: 256 << 10,
        }
    }
}
