use std::time::Duration;

use serde::Serialize;

/// What the `open` packet tells a client.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    pub sid: &'a str,
    /// Whether the client may upgrade to WebSocket: it is on polling.
    pub upgradable: bool,
    /// From a pong to the next ping.
    pub ping_interval: Duration,
    /// In which the client answers a ping.
    pub ping_timeout: Duration,
    /// The largest body or message that the server takes, in bytes.
    pub max_payload: usize,
}

/// These five keys and no other, in the reference's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Open<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: usize,
}

impl Handshake<'_> {
    /// The JSON of [`super::Packet::Open`]; times in milliseconds.
    pub fn json(&self) -> String {
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let open = Open {
            sid: self.sid,
            upgrades: if self.upgradable { &["websocket"] } else { &[] },
            ping_interval: milliseconds(self.ping_interval),
            ping_timeout: milliseconds(self.ping_timeout),
            max_payload: self.max_payload,
        };
        // Strings and numbers cannot fail to serialize.
        serde_json::to_string(&open).unwrap_or_default()
    }
}
