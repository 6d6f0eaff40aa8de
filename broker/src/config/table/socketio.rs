use super::super::check;
use super::{HOUR, Kind, Setting, bytes, count, duration, list, text};
use crate::session::ForeignNode;

const FOREIGN: [Option<ForeignNode>; 3] = [
    None,
    Some(ForeignNode::FlyReplay),
    Some(ForeignNode::Refuse),
];

const MIB: u64 = 1 << 20;

pub(super) const SOCKETIO: &[Setting] = &[
    Setting::new(
        "socketio.enabled",
        Kind::Switch(|r| &mut r.socketio.enabled),
        "Whether Socket.IO clients are served.",
    ),
    Setting::new(
        "socketio.path",
        text(|r| &mut r.socketio.path, check::path_prefix),
        "Requests whose path begins so are Socket.IO's.",
    ),
    Setting::new(
        "socketio.namespaces",
        list(|r| &mut r.socketio.namespaces, check::namespace),
        "Namespaces that clients may join; others get the `connect_error` \"Invalid namespace\".",
    ),
    Setting::new(
        "socketio.transports",
        list(|r| &mut r.socketio.transports, check::transport),
        "`polling`, `websocket` or both; with both a client that polls is offered the upgrade.",
    ),
    Setting::new(
        "socketio.ping_interval",
        duration(|r| &mut r.socketio.ping_interval, 100, HOUR),
        "From a client's pong to the next ping.",
    ),
    Setting::new(
        "socketio.ping_timeout",
        duration(|r| &mut r.socketio.ping_timeout, 100, HOUR),
        "A client that does not answer a ping in this time is gone.",
    ),
    Setting::new(
        "socketio.upgrade_timeout",
        duration(|r| &mut r.socketio.upgrade_timeout, 100, HOUR),
        "An upgrade from polling to WebSocket that takes longer is given up; polling goes on.",
    ),
    Setting::new(
        "socketio.connect_timeout",
        duration(|r| &mut r.socketio.connect_timeout, 100, HOUR),
        "A connection that is in no namespace for so long is closed.",
    ),
    Setting::new(
        "socketio.max_payload",
        bytes(|r| &mut r.socketio.max_payload, 1_024, 64 * MIB),
        "The largest POST (413), WebSocket message (1009) and packet with its attachments. fly.io repeats no request above 1 MB on another machine.",
    ),
    Setting::new(
        "socketio.attachments",
        count(|r| &mut r.socketio.attachments, 0, 1_000),
        "Binary attachments of one packet; more close the connection.",
    ),
    Setting::new(
        "socketio.listen",
        list(|r| &mut r.socketio.listen, check::own_topic),
        "Topics that a client listens to from its CONNECT on; `{sub}` is its token's subject. One that it may not listen to refuses the CONNECT.",
    ),
    Setting::new(
        "socketio.anonymous",
        Kind::Switch(|r| &mut r.socketio.anonymous),
        "Whether a client without a token may join. It listens to no topic with `{sub}`.",
    ),
    Setting::new(
        "socketio.foreign_node",
        Kind::Choice {
            of: &["auto", "fly-replay", "refuse"],
            get: |r| {
                let is = |choice: &Option<ForeignNode>| *choice == r.socketio.foreign_node;
                FOREIGN.iter().position(is).unwrap_or(0)
            },
            set: |r, index| r.socketio.foreign_node = FOREIGN[index],
        },
        "What a request gets whose session is another node's: `fly-replay` lets fly.io's proxy repeat it there, `refuse` lets the client begin anew. `auto` = `fly-replay` on fly.io.",
    ),
];
