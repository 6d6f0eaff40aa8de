//! One WebSocket's bytes: reads while some are there, writes what the socket did not take at
//! once. Knows no commands.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::read::{self, Flow, Reader};
use crate::outbox::{Connection, Ending};
use crate::protocol::message::{Event, MessageLimits};

pub(super) struct Socket {
    pub(super) connection: Rc<Connection>,
    input: OwnedReadHalf,
    reader: Reader,
    limits: MessageLimits,
    /// The client has closed its side.
    ended: bool,
}

impl Socket {
    /// `early` are bytes that came with the handshake; `outbox` bounds what waits, in bytes.
    pub(super) fn new(
        stream: TcpStream,
        early: &Bytes,
        limits: MessageLimits,
        outbox: usize,
    ) -> Self {
        // Answers are small and a client waits for each.
        let _ = stream.set_nodelay(true);
        let (input, output) = stream.into_split();
        let mut reader = Reader::default();
        reader.preload(early);
        let connection = Rc::new(Connection::new(output, outbox));
        Self {
            connection,
            input,
            reader,
            limits,
            ended: false,
        }
    }

    /// Gives this socket to a connection that has none, with what is unread. `None` (and the
    /// socket is closed) if something of its own still waits.
    pub(super) fn give_to(
        self,
        connection: &Rc<Connection>,
        limits: MessageLimits,
    ) -> Option<Self> {
        let Self {
            connection: own,
            input,
            reader,
            ended,
            ..
        } = self;
        connection.attach(Rc::into_inner(own)?.into_socket()?);
        Some(Self {
            connection: connection.clone(),
            input,
            reader,
            limits,
            ended,
        })
    }

    /// Writes what waits if the socket takes it; answers whether it took any.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.connection.is_blocked() && self.connection.poll_writable(cx).is_ready() {
            self.connection.flush();
            return !self.connection.is_blocked();
        }
        false
    }

    /// Whether reading makes sense: the client is there, and takes what it is sent.
    pub(super) fn is_readable(&self) -> bool {
        self.connection.is_open() && !self.ended && !self.connection.is_full()
    }

    /// Reads once and hands the events on until `on_event` pauses; answers whether there was
    /// anything.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        on_event: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> bool {
        if self.reader.has_more() {
            self.feed(&mut [], on_event);
            return true;
        }
        read::with_buffer(|buffer| {
            let mut filled = ReadBuf::new(buffer);
            match Pin::new(&mut self.input).poll_read(cx, &mut filled) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if filled.filled().is_empty() => self.ended = true,
                Poll::Ready(Ok(())) => self.feed(filled.filled_mut(), on_event),
                Poll::Ready(Err(_)) => self.connection.abandon(),
            }
            true
        })
    }

    fn feed(&mut self, bytes: &mut [u8], on_event: &mut dyn FnMut(Event<'_>) -> Flow) {
        if let Err(error) = self.reader.feed(bytes, self.limits, on_event) {
            self.connection.close(error.close_code());
        }
        self.connection.flush();
    }

    /// Whether nothing is left to do: the close frame is out, or the client is gone.
    pub(super) fn is_over(&self) -> bool {
        self.connection.is_done() || (self.ended && !self.connection.is_blocked())
    }

    /// Ends the connection; answers how it ended.
    pub(super) async fn finish(self) -> Ending {
        let Self {
            connection, input, ..
        } = self;
        let ending = connection.ending();
        if let Ending::Closing(_) = ending {
            // Dropping the write half sends FIN.
            drop(connection);
            linger(input).await;
        }
        ending
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
