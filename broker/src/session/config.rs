//! Checked settings of Socket.IO (`[socketio]`).

use std::time::Duration;

/// What the endpoint is and takes. Defaults are the reference server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketIoConfig {
    pub enabled: bool,
    /// Requests whose path begins so are Engine.IO's.
    pub path: String,
    /// Namespaces that clients may join; `/` is the main one.
    pub namespaces: Vec<String>,
    /// From a pong to the next ping.
    pub ping_interval: Duration,
    /// In which a client answers a ping.
    pub ping_timeout: Duration,
    /// From the upgrade request to the end of the upgrade.
    pub upgrade_timeout: Duration,
    /// A connection that is in no namespace for so long is closed.
    pub connect_timeout: Duration,
    /// The largest POST, WebSocket message, and packet with its attachments, in bytes.
    pub max_payload: usize,
    /// Binary attachments of one packet.
    pub attachments: usize,
    /// Topics that a client listens to from CONNECT on; `{sub}` is the token's subject.
    pub listen: Vec<String>,
    /// Whether a client may poll, to stay or to upgrade.
    pub polling: bool,
    pub websocket: bool,
    /// Whether a client without a token may join.
    pub anonymous: bool,
    pub foreign_node: ForeignNode,
}

/// What is answered to a request whose session is another node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignNode {
    /// fly.io's proxy repeats it there: the node's id is its machine's.
    FlyReplay,
    /// "Session ID unknown", upon which the client begins anew.
    Refuse,
}

impl Default for SocketIoConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            path: "/socket.io/".to_owned(),
            namespaces: vec!["/".to_owned()],
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(45),
            max_payload: 1_000_000,
            attachments: 10,
            listen: vec!["user:{sub}:notification".to_owned()],
            polling: true,
            websocket: true,
            anonymous: false,
            foreign_node: ForeignNode::Refuse,
        }
    }
}
