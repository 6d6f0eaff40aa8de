use super::super::check;
use super::{HOUR, Kind, Setting, count, duration, list, optional, text};

pub(super) const SERVER: &[Setting] = &[
    Setting::new(
        "server.address",
        text(|r| &mut r.server.address, check::ip_address),
        "The address of the public listener; `::` takes IPv4 too.",
    ),
    Setting::new(
        "server.port",
        count(|r| &mut r.server.port, 0, 65_535),
        "The port of the public listener; 0 picks a free one and logs it.",
    )
    .env("PORT"),
    Setting::new(
        "server.workers",
        count(|r| &mut r.server.workers, 0, 1_024),
        "Threads that hold connections; 0 = one per core.",
    )
    .env("TIDEGATE_WORKERS"),
    Setting::new(
        "server.data",
        Kind::Path(|r| &mut r.server.data),
        "Folder for keys, stores and compiled plugins; made when first needed.",
    )
    .env("TIDEGATE_DATA")
    .unset(".tidegate"),
    Setting::new(
        "server.pages",
        Kind::PathOrNone(|r| &mut r.server.pages),
        "Folder of static files that are served where no endpoint is; `/` is its `index.html`.",
    )
    .env("TIDEGATE_PAGES")
    .unset("`pages` beside the program, if it is there"),
    Setting::new(
        "server.node_id",
        optional(|r| &mut r.server.node_id, check::node_id),
        "Names this node in session ids, on the bus and in logs; no two nodes may share one. On fly.io `FLY_MACHINE_ID` counts instead.",
    )
    .env("TIDEGATE_NODE_ID")
    .unset("random at each start"),
    Setting::new(
        "server.trusted_proxies",
        list(|r| &mut r.server.trusted_proxies, check::network),
        "Addresses or networks from which `server.client_address_header` is believed.",
    ),
    Setting::new(
        "server.client_address_header",
        optional(|r| &mut r.server.client_address_header, check::header_name),
        "The header that holds the client's address, such as `Fly-Client-IP`.",
    ),
    Setting::new(
        "server.drain_timeout",
        duration(|r| &mut r.server.drain_timeout, 0, HOUR),
        "From the first SIGTERM or SIGINT to the end of the process.",
    ),
    Setting::new(
        "server.drain_spread",
        duration(|r| &mut r.server.drain_spread, 0, HOUR),
        "RECONNECT is spread over this time, and each connection is closed as long after its own: a drain takes up to twice this.",
    ),
];
