//! One client's session, over whichever transport.

mod polling;
mod websocket;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::application::{Application, Service};
use super::candidate::{self, Candidate};
use super::requests::{Answer, Request};
use super::state::{Beat, State, Step};
use crate::identity::SessionId;
use crate::outbox::{Connection, Ending};
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::{self, Packet, Refusal, Transport};
use crate::protocol::message::MessageLimits;
use crate::session::SocketIoConfig;
use crate::session::socket::Socket;

/// A polling client that is closed gets so long to come and hear it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Lives on one worker; requests reach it through [`super::Sessions`].
pub struct Session {
    id: SessionId,
    /// Where its worker's sessions keep it.
    pub(super) place: Cell<usize>,
    connection: Rc<Connection>,
    config: Arc<SocketIoConfig>,
    inner: RefCell<Inner>,
}

struct Inner {
    state: State,
    application: Application,
    /// A GET that waits.
    get: Option<Answer>,
    /// A POST whose packets are taken in but that the client is not to follow up yet.
    post: Option<Answer>,
    candidate: Option<Box<Candidate>>,
    /// After the upgrade, or from the beginning.
    socket: Option<Socket>,
    /// When a draining node closes it.
    leave: Option<Instant>,
    /// Since when a polling client has had something to hear last.
    closing: Option<Instant>,
}

impl Session {
    /// `socket` with the bytes that came early; `None` = the client polls. `outbox` in bytes.
    pub(super) fn new(
        id: SessionId,
        service: &Service,
        config: &Arc<SocketIoConfig>,
        socket: Option<(TcpStream, Bytes)>,
        outbox: usize,
    ) -> Rc<Self> {
        let limits = limits(config);
        let socket = socket.map(|(stream, early)| Socket::new(stream, &early, limits, outbox));
        let (connection, transport) = match &socket {
            Some(socket) => (socket.connection.clone(), Transport::WebSocket),
            None => (Rc::new(Connection::detached(outbox)), Transport::Polling),
        };
        let (interval, timeout) = (config.ping_interval, config.ping_timeout);
        Rc::new(Self {
            id,
            place: Cell::new(0),
            connection,
            config: config.clone(),
            inner: RefCell::new(Inner {
                state: State::new(transport, interval, timeout, Instant::now()),
                application: Application::new(service, config),
                get: None,
                post: None,
                candidate: None,
                socket,
                leave: None,
                closing: None,
            }),
        })
    }

    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The `open` packet of a client that begins with polling, or with WebSocket.
    pub(super) fn open_json(&self, upgradable: bool) -> String {
        let handshake = engineio::Handshake {
            sid: self.id.as_str(),
            upgradable,
            ping_interval: self.config.ping_interval,
            ping_timeout: self.config.ping_timeout,
            max_payload: self.config.max_payload,
        };
        handshake.json()
    }

    /// Queues the `open` packet of a WebSocket.
    pub(super) fn greet(&self) {
        let json = self.open_json(false);
        self.connection.push_control(Packet::Open(&json).frame());
        self.connection.flush();
    }

    /// Takes what an HTTP request wants.
    pub(super) fn take(&self, request: Request) {
        let inner = &mut *self.inner.borrow_mut();
        let now = Instant::now();
        inner.beat(now, &self.connection);
        if self.connection.ending() == Ending::Gone {
            return request.refuse(Refusal::SessionUnknown);
        }
        match request {
            Request::Poll(answer) => inner.get(answer, &self.connection),
            Request::PostBegun(answer) => inner.post_begun(answer, &self.connection),
            Request::PostEnded(upload, answer) => {
                inner.post_ended(upload, answer, &self.connection);
            }
            Request::Upgrade(answer) => {
                // Whether it may is decided when the socket is there.
                let _ = answer.send(Ok(Bytes::new()));
            }
            Request::Candidate(stream, early) => {
                match TcpStream::from_std(stream) {
                    Ok(stream) => self.candidate(inner, stream, &early),
                    Err(error) => tracing::warn!(%error, "cannot adopt a socket"),
                };
            }
        }
        self.connection.wake();
    }

    fn candidate(&self, inner: &mut Inner, stream: TcpStream, early: &Bytes) {
        if self.connection.is_open() && inner.state.upgrade_begun() {
            let timeout = self.config.upgrade_timeout;
            inner.candidate = Some(Box::new(Candidate::new(stream, early, timeout)));
        } else {
            candidate::refuse_stream(stream, early);
        }
    }

    /// Does all that can be done without waiting. Ready = the session is over.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let connection = &self.connection;
        connection.set_waker(cx.waker());
        let inner = &mut *self.inner.borrow_mut();
        loop {
            let mut progress = inner.application.poll(cx, connection);
            progress |= inner.poll_requests(cx, connection, self.config.max_payload);
            progress |= inner.poll_candidate(cx, connection, &self.config);
            match &mut inner.socket {
                Some(_) => progress |= inner.poll_socket(cx, connection),
                None if connection.is_done() => return Poll::Ready(()),
                None => {}
            }
            if !progress {
                let over = inner.socket.as_ref().is_some_and(Socket::is_over);
                return if over { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    }

    /// Looks at its deadlines, once in a while; requests and packets look at theirs themselves.
    /// `stalled`: its socket has taken nothing for too long.
    pub(super) fn on_time(&self, now: Instant, stalled: bool) {
        let connection = &self.connection;
        if stalled {
            return connection.abandon();
        }
        let inner = &mut *self.inner.borrow_mut();
        if connection.is_open() {
            inner.beat(now, connection);
            inner.application.on_time(now, connection);
        }
        if inner.leave.is_some_and(|at| at <= now) && connection.is_open() {
            connection.close(CloseCode::GoingAway);
            connection.flush();
        }
        if !connection.is_open() && !connection.is_attached() {
            let since = *inner.closing.get_or_insert(now);
            if now.saturating_duration_since(since) >= FAREWELL {
                connection.abandon();
            }
        }
    }

    pub(super) fn is_stalled(&self, tick: u32, limit: u32) -> bool {
        self.connection.is_attached() && self.connection.is_stalled(tick, limit)
    }

    /// Closes it at the given time, unless it has ended before.
    pub(super) fn leave_at(&self, at: Instant) {
        self.inner.borrow_mut().leave = Some(at);
    }

    pub(super) fn close(&self, code: CloseCode) {
        self.connection.close(code);
        self.connection.flush();
    }

    /// Ends what is left of it after `poll` was ready; answers how it ended.
    pub(super) async fn finish(&self) -> Ending {
        let socket = {
            let inner = &mut *self.inner.borrow_mut();
            inner.answer_get(Packet::Close, &self.connection);
            inner.post = None;
            if let Some(candidate) = inner.candidate.take() {
                candidate.refuse();
            }
            inner.application.end();
            inner.socket.take()
        };
        let ending = self.connection.ending();
        if let Some(socket) = socket {
            socket.finish().await;
        }
        ending
    }
}

impl Inner {
    fn beat(&mut self, now: Instant, connection: &Connection) {
        if !connection.is_open() {
            return;
        }
        match self.state.beat(now) {
            Beat::None => {}
            Beat::Ping => {
                connection.push_control(Packet::Ping { probe: false }.frame());
                connection.flush();
            }
            Beat::Dead if connection.is_attached() => {
                connection.close(CloseCode::Silent);
                connection.flush();
            }
            Beat::Dead => self.fail(Packet::Close, connection),
        }
    }

    /// Takes a packet of the session's own transport. The error is how the session ends: `Normal`
    /// if the client closes it.
    fn packet(
        &mut self,
        packet: Packet<'_>,
        now: Instant,
        connection: &Rc<Connection>,
    ) -> Result<(), CloseCode> {
        match self.state.packet(packet, now) {
            Step::Text(text) => self.application.text(text, connection),
            Step::Binary(bytes) => self.application.binary(bytes, connection),
            Step::Pong => Ok(()),
            Step::Close => Err(CloseCode::Normal),
            Step::Invalid => Err(CloseCode::ProtocolError),
        }
    }
}

fn limits(config: &SocketIoConfig) -> MessageLimits {
    MessageLimits {
        frame: config.max_payload,
        message: config.max_payload,
    }
}
