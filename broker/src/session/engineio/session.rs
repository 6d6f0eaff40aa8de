//! One client's session, over whichever transport.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::application::{Application, Service};
use super::candidate::{self, Candidate, Turn};
use super::requests::{Answer, Request, Upload};
use super::state::{Beat, State, Step, Wrong};
use crate::identity::SessionId;
use crate::outbox::{Connection, Ending};
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::{self, Body, Packet, Refusal, Transport};
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::{Event, MessageLimits};
use crate::session::SocketIoConfig;
use crate::session::read::Flow;
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

    /// Ends a polling session at once: whoever names it after is answered that it is unknown.
    fn fail(&mut self, farewell: Packet<'_>, connection: &Connection) {
        self.answer_get(farewell, connection);
        connection.abandon();
    }

    fn answer_get(&mut self, packet: Packet<'_>, connection: &Connection) {
        let Some(answer) = self.get.take() else {
            return;
        };
        self.state.poll_ended();
        let mut body = Body::new(usize::MAX);
        connection.drain(&mut body);
        body.push_frames(&packet.frame());
        // A client that has left ends its session anyway.
        let _ = answer.send(Ok(body.finish()));
    }

    fn get(&mut self, answer: Answer, connection: &Connection) {
        match self.state.poll_begun() {
            Ok(()) => self.get = Some(answer),
            Err(wrong) => self.refuse(answer, wrong, connection),
        }
    }

    fn refuse(&mut self, answer: Answer, wrong: Wrong, connection: &Connection) {
        let _ = answer.send(Err(Refusal::BadRequest));
        if wrong == Wrong::Overlap {
            self.fail(Packet::Close, connection);
        }
    }

    fn post_begun(&mut self, answer: Answer, connection: &Connection) {
        match self.state.post_begun() {
            Ok(()) => {
                let _ = answer.send(Ok(Bytes::new()));
            }
            Err(wrong) => self.refuse(answer, wrong, connection),
        }
    }

    fn post_ended(&mut self, upload: Upload, answer: Answer, connection: &Rc<Connection>) {
        let taken = match upload {
            Upload::TooBig => Err(Refusal::BadRequest),
            Upload::Broken => {
                self.fail(Packet::Close, connection);
                Err(Refusal::BadRequest)
            }
            Upload::Whole(body) => self.packets(&body, connection),
        };
        match taken {
            // Answered when there is room for another.
            Ok(()) => self.post = Some(answer),
            Err(refusal) => {
                self.state.post_ended();
                let _ = answer.send(Err(refusal));
            }
        }
    }

    fn packets(&mut self, body: &[u8], connection: &Rc<Connection>) -> Result<(), Refusal> {
        let taken = self.each_packet(body, connection);
        if taken.is_err() {
            self.fail(Packet::Close, connection);
        }
        connection.flush();
        taken
    }

    fn each_packet(&mut self, body: &[u8], connection: &Rc<Connection>) -> Result<(), Refusal> {
        let now = Instant::now();
        for packet in engineio::packets(body).map_err(|_| Refusal::BadRequest)? {
            if !connection.is_open() {
                break;
            }
            let packet = packet.map_err(|_| Refusal::BadRequest)?;
            match self.packet(packet, now, connection) {
                Ok(()) => {}
                Err(CloseCode::Normal) => self.fail(Packet::Noop, connection),
                Err(CloseCode::ProtocolError) => return Err(Refusal::BadRequest),
                Err(code) => connection.close(code),
            }
        }
        Ok(())
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

    /// Answers requests that wait, as far as there is an answer.
    fn poll_requests(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Connection,
        max_payload: usize,
    ) -> bool {
        let mut progress = false;
        if let Some(get) = &mut self.get {
            let mut body = Body::new(max_payload);
            if !connection.is_attached() {
                connection.drain(&mut body);
            }
            if !body.is_empty() {
                let sent = self.get.take().map(|get| get.send(Ok(body.finish())));
                self.state.poll_ended();
                progress = true;
                if sent.is_some_and(|sent| sent.is_err()) {
                    self.fail(Packet::Close, connection);
                }
            } else if get.poll_closed(cx).is_ready() {
                // The client has given up its request: what it is sent would be lost.
                self.get = None;
                self.fail(Packet::Close, connection);
                progress = true;
            }
        }
        let room = self.application.has_room() && !connection.is_full();
        if (room || !connection.is_open())
            && let Some(post) = self.post.take()
        {
            self.state.post_ended();
            let _ = post.send(Ok(Bytes::from_static(b"ok")));
            progress = true;
        }
        progress
    }

    fn poll_candidate(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Rc<Connection>,
        config: &SocketIoConfig,
    ) -> bool {
        let Some(candidate) = &mut self.candidate else {
            return false;
        };
        match candidate.poll(cx, &mut self.state) {
            Turn::Waits(progress) => return progress,
            Turn::Noop => self.answer_get(Packet::Noop, connection),
            Turn::Fails => {
                self.state.upgrade_failed();
                if let Some(candidate) = self.candidate.take() {
                    candidate.refuse();
                }
            }
            Turn::TakesOver => {
                self.answer_get(Packet::Noop, connection);
                let socket = self
                    .candidate
                    .take()
                    .map(|candidate| candidate.into_socket());
                self.socket = socket.and_then(|socket| socket.give_to(connection, limits(config)));
                if self.socket.is_none() {
                    connection.abandon();
                }
            }
        }
        true
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>, connection: &Rc<Connection>) -> bool {
        let Some(mut socket) = self.socket.take() else {
            return false;
        };
        let mut progress = socket.poll_write(cx);
        if socket.is_readable() && self.application.has_room() {
            let now = Instant::now();
            progress |= socket.poll_read(cx, &mut |event| self.event(&event, now, connection));
        }
        self.socket = Some(socket);
        progress
    }

    /// Takes one event of the session's WebSocket.
    fn event(&mut self, event: &Event<'_>, now: Instant, connection: &Rc<Connection>) -> Flow {
        let taken = match event {
            Event::Text(text) => match Packet::from_text(text) {
                Ok(packet) => self.packet(packet, now, connection),
                Err(error) => Err(error.close_code()),
            },
            Event::Binary(bytes) => self.packet(Packet::from_binary(bytes), now, connection),
            Event::Ping(payload) => {
                connection.push_control(frame::encode(Opcode::Pong, payload));
                Ok(())
            }
            Event::Pong | Event::Fragment => Ok(()),
            Event::Close(_) => Err(CloseCode::Normal),
        };
        if let Err(code) = taken {
            connection.close(code);
        }
        if !connection.is_open() {
            Flow::Stop
        } else if self.application.has_room() && !connection.is_full() {
            Flow::Go
        } else {
            Flow::Pause
        }
    }
}

fn limits(config: &SocketIoConfig) -> MessageLimits {
    MessageLimits {
        frame: config.max_payload,
        message: config.max_payload,
    }
}
