//! A `/ws` session: runs commands in their order, ends in one place.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::answer;
use super::commands::Caller;
use super::ordered::Commands;
use super::socket::Socket;
use crate::node::{Node, Wire};
use crate::outbox::{Connection, Ending};
use crate::protocol::close::CloseCode;
use crate::protocol::message::MessageLimits;
use crate::protocol::pubsub;

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
            connection.close(CloseCode::Reconnect);
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
