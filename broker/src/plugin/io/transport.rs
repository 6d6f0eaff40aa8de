/// How somebody comes, as plugins hear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `/ws`.
    WebSocket,
    SocketIo,
    /// `POST /call`.
    Http,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::SocketIo => "socket.io",
            Self::Http => "http",
        }
    }
}
