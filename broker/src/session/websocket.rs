//! A `/ws` session: runs commands in their order, ends in one place.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::answer;
use super::commands::{self, Caller};
use super::pipeline::Pipeline;
use super::rate::MessageRate;
use super::read::Flow;
use super::socket::Socket;
use crate::node::{Node, Wire};
use crate::outbox::{Connection, Ending};
use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::{Event, MessageLimits};
use crate::protocol::pubsub::{self, Command};

/// What the client asked for when it connected.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebSocketOptions {
    /// `?v=1`: knows WELCOME and MISSED.
    pub v1: bool,
}

struct Session {
    socket: Socket,
    caller: Rc<Caller>,
    commands: Commands,
}

/// What the client asks for, and how fast.
#[derive(Default)]
struct Commands {
    rate: MessageRate,
    pipeline: Pipeline<Command, Option<Bytes>>,
}

/// Serves one WebSocket until it ends. `early` are bytes that came with the handshake.
pub async fn run(node: Rc<Node>, stream: TcpStream, early: Bytes, options: WebSocketOptions) {
    let limits = MessageLimits {
        frame: node.limits.frame_bytes,
        message: node.limits.message_bytes,
    };
    let socket = Socket::new(stream, &early, limits, node.limits.outbox_bytes);
    let connection = socket.connection.clone();
    let notify = if options.v1 {
        answer::notify_v1
    } else {
        answer::notify_plain
    };
    let id = node.connect(connection.clone(), Wire::Pubsub, notify);
    node.numbers.connections.increment(1.0);
    if options.v1 {
        welcome(&node, &connection);
    }
    drop(connection);
    let caller = Rc::new(Caller::new(node.clone(), id));
    let mut session = Session {
        socket,
        caller,
        commands: Commands::default(),
    };
    std::future::poll_fn(|cx| {
        let over = session.poll(cx);
        node.hand_over();
        over
    })
    .await;
    let Session {
        socket,
        caller,
        commands,
    } = session;
    // A command that still waits must not outlive the session.
    drop((commands, caller));
    node.disconnect(id);
    node.numbers.connections.decrement(1.0);
    let reason = match socket.finish().await {
        Ending::Closing(code) => code.reason(),
        Ending::Open | Ending::Gone => "gone",
    };
    node.numbers.disconnected(reason);
}

/// The session's id is made for those who are told it, and not kept: `/ws` never asks for it.
fn welcome(node: &Node, connection: &Connection) {
    match node.session_ids.fresh() {
        Ok(id) => {
            let keepalive = node.limits.heartbeat.as_secs();
            connection.push_control(pubsub::welcome(id.as_str(), keepalive));
        }
        Err(error) => {
            tracing::error!(%error, "cannot welcome a client");
            connection.close(CloseCode::ServerError);
        }
    }
    connection.flush();
}

impl Session {
    /// Does all that can be done without waiting. Ready = the session is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            socket,
            caller,
            commands,
        } = self;
        let connection = socket.connection.clone();
        connection.set_waker(cx.waker());
        loop {
            let mut progress = commands.poll(cx, caller, &connection);
            progress |= socket.poll_write(cx);
            if socket.is_over() {
                return Poll::Ready(());
            }
            if socket.is_readable() && commands.has_room(caller) {
                let read =
                    socket.poll_read(cx, &mut |event| commands.take(&event, caller, &connection));
                if read {
                    caller.node.heard(caller.id);
                }
                progress |= read;
            }
            if !progress {
                return if socket.is_over() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                };
            }
        }
    }
}

impl Commands {
    fn has_room(&self, caller: &Caller) -> bool {
        self.pipeline.has_room(&caller.node.limits)
    }

    /// Takes one event of the client.
    fn take(&mut self, event: &Event<'_>, caller: &Rc<Caller>, connection: &Connection) -> Flow {
        let limits = &caller.node.limits;
        if !self
            .rate
            .admit(caller.node.clock.now(), limits.messages_per_second)
        {
            connection.close(CloseCode::TooManyMessages);
            return Flow::Stop;
        }
        match event {
            Event::Text(text) => self.command(text, caller, connection),
            Event::Ping(payload) => connection.push_control(frame::encode(Opcode::Pong, payload)),
            Event::Pong | Event::Fragment => {}
            Event::Binary(_) => connection.close(CloseCode::Unsupported),
            Event::Close(_) => connection.close(CloseCode::Normal),
        }
        if !connection.is_open() {
            Flow::Stop
        } else if self.has_room(caller) && !connection.is_full() {
            Flow::Go
        } else {
            Flow::Pause
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
                    Command::Call { .. } => self.pipeline.push_beside(caller.run(command)),
                    ordered => self.pipeline.push(ordered),
                }
            }
        }
    }

    /// Moves commands on; answers whether any came to an end.
    fn poll(&mut self, cx: &mut Context<'_>, caller: &Rc<Caller>, connection: &Connection) -> bool {
        let mut ended = false;
        while let Some(answer) = self.pipeline.poll_next(cx, |command| caller.run(command)) {
            ended = true;
            if let Some(answer) = answer {
                connection.push_control(answer);
            }
        }
        if ended {
            connection.flush();
        }
        ended
    }
}
