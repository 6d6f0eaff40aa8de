/// The longest session id that is looked at.
pub const MAX_SID_BYTES: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Polling,
    WebSocket,
}

/// What a request to the Socket.IO path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A new session. `base64`: the client asked (`b64=1`) for binary data as text; it understands
    /// binary WebSocket messages all the same.
    Handshake { transport: Transport, base64: bool },
    /// A polling GET.
    Poll { sid: &'a str },
    /// A polling POST.
    Post { sid: &'a str },
    /// A WebSocket that wants to take a polling session over.
    Upgrade { sid: &'a str },
}

/// Why a request is refused, with the reference server's codes and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    TransportUnknown,
    /// The client starts a new session when it hears this.
    SessionUnknown,
    /// Only GET opens a session.
    BadHandshakeMethod,
    BadRequest,
    Forbidden,
    UnsupportedVersion,
}

impl<'a> Request<'a> {
    /// Checks a request's line in the reference server's order. `websocket`: it asks for an
    /// upgrade to WebSocket. Values are not percent-decoded, for no good one needs it; `t` and
    /// what is unknown is passed over. A given `sid` has at most [`MAX_SID_BYTES`] of
    /// `[A-Za-z0-9._-]`: it may be written into a header.
    pub fn parse(method: &str, query: &'a str, websocket: bool) -> Result<Self, Refusal> {
        let query = Query::parse(query);
        let transport = match query.transport {
            Value::Once("polling") => Transport::Polling,
            Value::Once("websocket") => Transport::WebSocket,
            _ => return Err(Refusal::TransportUnknown),
        };
        if websocket && transport == Transport::Polling {
            return Err(Refusal::BadRequest);
        }
        match query.sid {
            Value::Absent => {}
            Value::Once(sid) if is_sid(sid) => {
                return Self::of_session(method, sid, transport, websocket);
            }
            Value::Once(_) | Value::Repeated => return Err(Refusal::SessionUnknown),
        }
        if method != "GET" {
            return Err(Refusal::BadHandshakeMethod);
        }
        if transport == Transport::WebSocket && !websocket {
            return Err(Refusal::BadRequest);
        }
        if query.version != Value::Once("4") {
            return Err(Refusal::UnsupportedVersion);
        }
        Ok(Self::Handshake {
            transport,
            base64: query.base64,
        })
    }

    fn of_session(
        method: &str,
        sid: &'a str,
        transport: Transport,
        websocket: bool,
    ) -> Result<Self, Refusal> {
        match (method, transport) {
            ("GET", Transport::WebSocket) if websocket => Ok(Self::Upgrade { sid }),
            ("GET", Transport::Polling) => Ok(Self::Poll { sid }),
            ("POST", Transport::Polling) => Ok(Self::Post { sid }),
            _ => Err(Refusal::BadRequest),
        }
    }
}

fn is_sid(sid: &str) -> bool {
    let of_sid = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    sid.len() <= MAX_SID_BYTES && sid.as_bytes().iter().all(of_sid)
}

/// A field of the query; the reference takes no field that comes twice, and an empty one as absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value<'a> {
    #[default]
    Absent,
    Once(&'a str),
    Repeated,
}

#[derive(Debug, Default)]
struct Query<'a> {
    version: Value<'a>,
    transport: Value<'a>,
    sid: Value<'a>,
    base64: bool,
}

impl<'a> Query<'a> {
    fn parse(query: &'a str) -> Self {
        let mut fields = Self::default();
        for field in query.split('&') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if value.is_empty() {
                continue;
            }
            match name {
                "EIO" => fields.version.set(value),
                "transport" => fields.transport.set(value),
                "sid" => fields.sid.set(value),
                "b64" => fields.base64 = true,
                _ => {}
            }
        }
        fields
    }
}

impl<'a> Value<'a> {
    fn set(&mut self, value: &'a str) {
        *self = match self {
            Self::Absent => Self::Once(value),
            _ => Self::Repeated,
        };
    }
}

impl Refusal {
    /// The `code` of the JSON body, a number.
    pub const fn code(self) -> u8 {
        match self {
            Self::TransportUnknown => 0,
            Self::SessionUnknown => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// The whole body (`text/html`) of the 400 that answers a refused WebSocket upgrade, with
    /// `Connection: close`.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TransportUnknown => "Transport unknown",
            Self::SessionUnknown => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        }
    }

    /// The status of the answer to an HTTP request; to an upgrade it is always 400.
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            _ => 400,
        }
    }

    /// The body (`application/json`) of the answer to an HTTP request.
    pub fn json(self) -> String {
        format!(
            r#"{{"code":{},"message":"{}"}}"#,
            self.code(),
            self.message()
        )
    }
}
