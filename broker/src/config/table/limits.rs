use super::{DAY, HOUR, Setting, bytes, count, duration};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

pub(super) const LIMITS: &[Setting] = &[
    Setting::new(
        "limits.handshake_timeout",
        duration(|r| &mut r.limits.handshake_timeout, 10, HOUR),
        "From accept to the end of the request head, and from there to the end of its body (408).",
    ),
    Setting::new(
        "limits.body_bytes",
        bytes(|r| &mut r.limits.body_bytes, KIB, 64 * MIB),
        "The body of an HTTP request (`POST /publish`).",
    ),
    Setting::new(
        "limits.frame_bytes",
        bytes(|r| &mut r.limits.frame_bytes, 125, 16 * MIB),
        "The payload of one WebSocket frame; a larger one closes the connection (1009).",
    ),
    Setting::new(
        "limits.message_bytes",
        bytes(|r| &mut r.limits.message_bytes, 125, 16 * MIB),
        "A whole WebSocket message over all its fragments; a larger one closes the connection (1009).",
    ),
    Setting::new(
        "limits.topics_per_connection",
        count(|r| &mut r.limits.topics_per_connection, 1, 1_000_000),
        "Topics one connection listens to; beyond: `ERR_TOO_MANY_TOPICS`.",
    ),
    Setting::new(
        "limits.messages_per_second",
        count(|r| &mut r.limits.messages_per_second, 1, 1_000_000),
        "Messages a client may send in one second; above it the connection is closed (4008).",
    ),
    Setting::new(
        "limits.connections_per_address",
        count(|r| &mut r.limits.connections_per_address, 0, 10_000_000),
        "Connections from one client address; 0 = no limit. Behind a proxy that `server.trusted_proxies` does not name, all clients share one address.",
    ),
    Setting::new(
        "limits.connections",
        count(|r| &mut r.limits.connections, 1, 10_000_000),
        "Connections of this node; above it new ones get 503.",
    ),
    Setting::new(
        "limits.outbox_bytes",
        bytes(|r| &mut r.limits.outbox_bytes, 4 * KIB, 256 * MIB),
        "Bytes waiting for one client before the slow-consumer policy of the topic acts.",
    ),
    Setting::new(
        "limits.first_command_timeout",
        duration(|r| &mut r.limits.first_command_timeout, 10, HOUR),
        "The first LISTEN, PUBLISH, CALL or AUTH must come within this time (4003).",
    ),
    Setting::new(
        "limits.idle_timeout",
        duration(|r| &mut r.limits.idle_timeout, 10, DAY),
        "A client of which nothing is heard for this long, not even a pong, is closed (4004).",
    ),
    Setting::new(
        "limits.heartbeat",
        duration(|r| &mut r.limits.heartbeat, 10, HOUR),
        "How often an idle client gets a WebSocket ping.",
    ),
    Setting::new(
        "limits.write_timeout",
        duration(|r| &mut r.limits.write_timeout, 10, HOUR),
        "A started write that makes no progress for this long ends the connection.",
    ),
    Setting::new(
        "limits.queued_commands",
        count(|r| &mut r.limits.queued_commands, 1, 10_000),
        "LISTEN, UNLISTEN, AUTH and PUBLISH of one connection that wait their turn; when full its socket is not read.",
    ),
    Setting::new(
        "limits.publications_in_flight",
        count(|r| &mut r.limits.publications_in_flight, 1, 65_536),
        "PUBLISHes of one connection that Redis has not yet acknowledged; the next ones wait their turn.",
    ),
    Setting::new(
        "limits.concurrent_calls",
        count(|r| &mut r.limits.concurrent_calls, 1, 10_000),
        "CALLs of one connection that run at once; when full its socket is not read.",
    ),
    Setting::new(
        "limits.inbox_publications",
        count(|r| &mut r.limits.inbox_publications, 16, 10_000_000),
        "Publications waiting for one worker; when full they are dropped for that worker and its listeners get MISSED.",
    ),
    Setting::new(
        "limits.publication_bytes",
        bytes(|r| &mut r.limits.publication_bytes, 64, 16 * MIB),
        "The payload of one publication, as JSON text.",
    ),
];
