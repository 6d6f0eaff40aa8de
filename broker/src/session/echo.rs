//! A session that sends every message back, for conformance suites.

use std::task::Poll;

use bytes::Bytes;
use tokio::net::TcpStream;

use super::read::Flow;
use super::socket::Socket;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::frame::{self, Opcode};
use crate::protocol::message::{Event, MessageLimits};

/// Echoes until the client closes. `limits` and `outbox` in bytes.
pub async fn run_echo(stream: TcpStream, early: Bytes, limits: MessageLimits, outbox: usize) {
    let mut socket = Socket::new(stream, &early, limits, outbox);
    std::future::poll_fn(|cx| {
        let connection = socket.connection.clone();
        connection.set_waker(cx.waker());
        loop {
            let mut progress = socket.poll_write(cx);
            if socket.is_over() {
                return Poll::Ready(());
            }
            if socket.is_readable() {
                progress |= socket.poll_read(cx, &mut |event| answer(&event, &connection));
            }
            if !progress {
                return if socket.is_over() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                };
            }
        }
    })
    .await;
    socket.finish().await;
}

fn answer(event: &Event<'_>, connection: &Connection) -> Flow {
    let frame = match event {
        Event::Text(text) => frame::encode(Opcode::Text, text.as_bytes()),
        Event::Binary(bytes) => frame::encode(Opcode::Binary, bytes),
        Event::Ping(payload) => frame::encode(Opcode::Pong, payload),
        Event::Pong | Event::Fragment => return Flow::Go,
        Event::Close(_) => {
            connection.close(CloseCode::Normal);
            return Flow::Stop;
        }
    };
    connection.push_control(frame);
    if connection.is_full() {
        Flow::Pause
    } else {
        Flow::Go
    }
}
