//! A session over WebSocket: reads while bytes are there, runs commands, ends in one place.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::answer;
use super::commands::{self, Caller, Running};
use super::rate::MessageRate;
use super::read::{self, Flow, Reader};
use crate::node::Node;
use crate::outbox::{Connection, Ending};
use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, FrameError, Opcode};
use crate::protocol::message::{Event, MessageLimits};
use crate::protocol::pubsub::{self, Command};

/// What the client asked for when it connected.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketOptions {
    /// `?v=1`: knows WELCOME and MISSED.
    pub v1: bool,
}

struct Session {
    connection: Rc<Connection>,
    caller: Rc<Caller>,
    input: OwnedReadHalf,
    reader: Reader,
    /// The client has closed its side.
    ended: bool,
    commands: Commands,
}

/// Commands in their order.
#[derive(Default)]
struct Commands {
    rate: MessageRate,
    running: Option<Running>,
    waiting: VecDeque<Command>,
    calls: Vec<Running>,
}

/// Serves one WebSocket until it ends. `early` are bytes that came with the handshake.
pub async fn run(node: Rc<Node>, stream: TcpStream, early: Bytes, options: WebSocketOptions) {
    // Answers are small and a client waits for each.
    let _ = stream.set_nodelay(true);
    let (input, output) = stream.into_split();
    let connection = Rc::new(Connection::new(output, node.limits.outbox_bytes));
    let notify = if options.v1 {
        answer::notify_v1
    } else {
        answer::notify_plain
    };
    let id = node.connect(connection.clone(), notify);
    if options.v1 {
        let name = format!("{}-{id}", node.worker);
        connection.push_control(pubsub::welcome(&name, node.limits.heartbeat.as_secs()));
        connection.flush();
    }
    let mut reader = Reader::default();
    reader.preload(&early);
    let caller = Rc::new(Caller::new(node.clone(), id));
    let mut session = Session {
        connection: connection.clone(),
        caller,
        input,
        reader,
        ended: false,
        commands: Commands::default(),
    };
    std::future::poll_fn(|cx| session.poll(cx)).await;
    node.disconnect(id);
    let Session { input, .. } = session;
    match connection.ending() {
        Ending::Closing(code) => {
            node.numbers.disconnected(code.reason());
            // Dropping the write half sends FIN.
            drop(connection);
            linger(input).await;
        }
        Ending::Open | Ending::Gone => node.numbers.disconnected("gone"),
    }
}

/// Reads on for a moment after the close frame: a socket closed with unread bytes resets, and the
/// client would lose the close frame.
async fn linger(mut input: OwnedReadHalf) {
    let discard = std::future::poll_fn(|cx| {
        read::with_buffer(|buffer| {
            loop {
                let mut filled = ReadBuf::new(buffer);
                match Pin::new(&mut input).poll_read(cx, &mut filled) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !filled.filled().is_empty() => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
    });
    // Ended or not: the socket is closed after.
    let _ = tokio::time::timeout(LINGER, discard).await;
}

const LINGER: Duration = Duration::from_secs(1);

impl Session {
    /// Does all that can be done without waiting. Ready = the session is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.connection.set_waker(cx.waker());
        loop {
            let mut progress = self.poll_commands(cx);
            if self.connection.is_blocked() && self.connection.poll_writable(cx).is_ready() {
                self.connection.flush();
                progress |= !self.connection.is_blocked();
            }
            if self.connection.is_done() {
                return Poll::Ready(());
            }
            if self.may_read() {
                progress |= self.poll_read(cx);
            }
            if !progress {
                break;
            }
        }
        // A closing session waits for its close frame to go out, an ended one for nothing.
        if self.ended && !self.connection.is_blocked() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn may_read(&self) -> bool {
        let limits = &self.caller.node.limits;
        self.connection.is_open()
            && !self.ended
            && !self.connection.is_full()
            && self.commands.waiting.len() < limits.queued_commands
            && self.commands.calls.len() < limits.concurrent_calls
    }

    /// Reads once; answers whether anything came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.reader.has_more() {
            self.feed(&mut []);
            return true;
        }
        read::with_buffer(|buffer| {
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut self.input).poll_read(cx, &mut filled) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if filled.filled().is_empty() => self.ended = true,
                Poll::Ready(Ok(())) => self.feed(filled.filled_mut()),
                Poll::Ready(Err(_)) => self.connection.abandon(),
            }
            true
        })
    }

    fn feed(&mut self, bytes: &mut [u8]) {
        let node = self.caller.node.clone();
        node.heard(self.caller.id);
        let limits = MessageLimits {
            frame: node.limits.frame_bytes,
            message: node.limits.message_bytes,
        };
        let Self {
            reader,
            commands,
            connection,
            caller,
            ..
        } = self;
        let fed = reader.feed(bytes, limits, &mut |event| {
            commands.take(event, caller, connection)
        });
        if let Err(error) = fed {
            self.fail(error);
        }
        self.connection.flush();
    }

    fn fail(&self, error: FrameError) {
        self.connection.close(error.close_code());
    }

    /// Moves commands on; answers whether any came to an end.
    fn poll_commands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut answered = false;
        while let Some(answer) = self.commands.poll_next(cx, &self.caller) {
            answered = true;
            if let Some(answer) = answer {
                self.connection.push_control(answer);
            }
        }
        if answered {
            self.connection.flush();
        }
        answered
    }
}

impl Commands {
    /// Takes one event of the client.
    fn take(&mut self, event: Event<'_>, caller: &Rc<Caller>, connection: &Connection) -> Flow {
        let limits = &caller.node.limits;
        if !self
            .rate
            .admit(caller.node.clock.now(), limits.messages_per_second)
        {
            connection.close(CloseCode::TooManyMessages);
            return Flow::Stop;
        }
        match event {
            Event::Text(text) => self.command(&text, caller, connection),
            Event::Ping(payload) => connection.push_control(frame::encode(Opcode::Pong, payload)),
            Event::Pong => {}
            Event::Binary(_) => connection.close(CloseCode::Unsupported),
            Event::Close(_) => connection.close(CloseCode::Normal),
        }
        if !connection.is_open() {
            Flow::Stop
        } else if self.waiting.len() >= limits.queued_commands
            || self.calls.len() >= limits.concurrent_calls
        {
            Flow::Pause
        } else {
            Flow::Go
        }
    }

    fn command(&mut self, text: &str, caller: &Rc<Caller>, connection: &Connection) {
        match pubsub::parse(text) {
            Err(bad) => connection.push_control(commands::bad_message(&bad)),
            Ok(Command::Ping) => connection.push_control(pubsub::pong()),
            Ok(command) => {
                if !matches!(command, Command::Unlisten { .. }) {
                    caller.node.commanded(caller.id);
                }
                match command {
                    Command::Call { .. } => self.calls.push(caller.run(command)),
                    ordered => self.waiting.push_back(ordered),
                }
            }
        }
    }

    /// The next answer that is ready; `None` = all wait.
    fn poll_next(&mut self, cx: &mut Context<'_>, caller: &Rc<Caller>) -> Option<Option<Bytes>> {
        if self.running.is_none() {
            self.running = self.waiting.pop_front().map(|command| caller.run(command));
            if self.waiting.is_empty() && self.waiting.capacity() > 0 {
                self.waiting = VecDeque::new();
            }
        }
        if let Some(running) = &mut self.running
            && let Poll::Ready(answer) = running.as_mut().poll(cx)
        {
            self.running = None;
            return Some(answer);
        }
        for at in 0..self.calls.len() {
            if let Poll::Ready(answer) = self.calls[at].as_mut().poll(cx) {
                drop(self.calls.swap_remove(at));
                return Some(answer);
            }
        }
        None
    }
}
