use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::replies;
use crate::auth::Auth;
use crate::identity::{NodeId, SessionId};
use crate::listener::admission::{Admission, Full, Place};
use crate::listener::doors::{Arrival, Doors};
use crate::listener::reply::Reply;
use crate::protocol::engineio::{Refusal, Request, Transport};
use crate::session::engineio::{self, Answer, Session, Sessions};
use crate::session::{ForeignNode, SocketIoConfig};
use crate::shutdown::Lifecycle;

/// What one worker's Socket.IO endpoint knows.
pub struct Gate {
    sessions: Rc<Sessions>,
    config: Arc<SocketIoConfig>,
    node_id: NodeId,
    lifecycle: Lifecycle,
    doors: Doors,
    auth: Option<Auth>,
    admission: Option<Arc<Admission>>,
}

/// What it is made of.
pub struct GateParts {
    pub sessions: Rc<Sessions>,
    pub node_id: NodeId,
    pub lifecycle: Lifecycle,
    pub doors: Doors,
    /// Whose origins are allowed; `None` = any page's, without CORS.
    pub auth: Option<Auth>,
    /// `None` = any number of sessions.
    pub admission: Option<Arc<Admission>>,
}

impl Gate {
    pub fn new(parts: GateParts) -> Rc<Self> {
        let GateParts {
            sessions,
            node_id,
            lifecycle,
            doors,
            auth,
            admission,
        } = parts;
        Rc::new(Self {
            config: sessions.config().clone(),
            sessions,
            node_id,
            lifecycle,
            doors,
            auth,
            admission,
        })
    }

    pub fn sessions(&self) -> &Rc<Sessions> {
        &self.sessions
    }

    /// Whether a path is Socket.IO's.
    pub fn takes(&self, path: &str) -> bool {
        path.starts_with(&self.config.path)
    }

    pub(super) fn max_payload(&self) -> usize {
        self.config.max_payload
    }

    pub(super) fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    pub(super) fn refuses_origin(&self, headers: &HeaderMap) -> bool {
        let auth = self.auth.as_ref();
        auth.is_some_and(|auth| auth.origins().check(headers).is_refused())
    }

    pub(super) fn with_cors(&self, request: &HeaderMap, mut reply: Reply) -> Reply {
        if let Some(auth) = &self.auth {
            auth.origins().add_cors(request, reply.headers_mut());
        }
        reply
    }

    /// Refuses transports that are switched off.
    pub(super) fn allowed<'a>(&self, asked: Request<'a>) -> Result<Request<'a>, Refusal> {
        let transport = match asked {
            Request::Handshake { transport, .. } => transport,
            Request::Poll { .. } | Request::Post { .. } => Transport::Polling,
            Request::Upgrade { .. } => Transport::WebSocket,
        };
        let allowed = match transport {
            Transport::Polling => self.config.polling,
            Transport::WebSocket => self.config.websocket,
        };
        allowed.then_some(asked).ok_or(Refusal::TransportUnknown)
    }

    pub(super) fn enter(&self, address: IpAddr) -> Result<Option<Place>, Full> {
        let admission = self.admission.as_ref();
        admission
            .map(|admission| admission.enter(address))
            .transpose()
    }

    pub(super) fn is_own(&self, id: &SessionId) -> bool {
        id.node() == self.node_id.as_str()
    }

    /// Answers a request for another node's session. A node's name is safe in a header.
    pub(super) fn foreign(&self, id: &SessionId, headers: &HeaderMap) -> Result<Reply, Refusal> {
        // The proxy has tried already, and the machine is gone or is not what it was.
        let tried = ["fly-replay-failed", "fly-replay-src"];
        if self.config.foreign_node == ForeignNode::Refuse
            || tried.iter().any(|name| headers.contains_key(*name))
        {
            return Err(Refusal::SessionUnknown);
        }
        replies::replay(id.node()).ok_or(Refusal::SessionUnknown)
    }

    /// Asks the worker of a session of this node.
    pub(super) async fn ask(
        &self,
        id: &SessionId,
        request: impl FnOnce(Answer) -> engineio::Request,
    ) -> Result<Bytes, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send(id, request(answer));
        answered.await.unwrap_or(Err(Refusal::SessionUnknown))
    }

    /// Hands a request to the worker of a session of this node.
    pub(super) fn send(&self, id: &SessionId, request: engineio::Request) {
        if id.worker() == self.doors.here() {
            return self.sessions.take(id, request);
        }
        let request = Arrival::Request {
            id: id.clone(),
            request,
        };
        if let Err(Arrival::Request { request, .. }) = self.doors.send(id.worker(), request) {
            request.refuse(Refusal::SessionUnknown);
        }
    }

    /// Gives a socket of a new session to the worker with the fewest.
    pub(super) fn place(&self, stream: TcpStream, early: Bytes, place: Option<Place>) {
        let Some(target) = self.doors.elsewhere() else {
            return self.begin(stream, early, place);
        };
        match stream.into_std() {
            Ok(stream) => {
                let arrival = Arrival::SocketIo {
                    stream,
                    early,
                    place,
                };
                // A worker that has ended drops the socket, as it does its own.
                let _ = self.doors.send(target, arrival);
            }
            Err(error) => tracing::warn!(%error, "cannot move a socket to another worker"),
        }
    }

    /// Begins a session on a socket.
    pub(in crate::listener) fn begin(&self, stream: TcpStream, early: Bytes, place: Option<Place>) {
        match self.sessions.open_websocket(stream, early) {
            Ok(session) => self.run(session, place),
            Err(error) => tracing::error!(%error, "cannot begin a session"),
        }
    }

    pub(super) fn run(&self, session: Rc<Session>, place: Option<Place>) {
        let running = self.sessions.clone().run(session);
        let counted = self.doors.count();
        tokio::task::spawn_local(async move {
            running.await;
            drop((counted, place));
        });
    }
}
