//! A bare TCP connection, for clients that keep to no protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frames;
use crate::wait;

pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A frame as the broker sent it.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// The upgrade request of RFC 6455, section 1.3.
pub const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

impl Raw {
    pub async fn dial(address: SocketAddr) -> Self {
        let stream = wait::soon("the TCP connection", TcpStream::connect(address)).await;
        Self {
            stream: stream.expect("the port is open"),
            unread: Vec::new(),
        }
    }

    /// Connected and upgraded to WebSocket at `/ws`.
    pub async fn upgraded(address: SocketAddr) -> Self {
        Self::upgraded_at(address, "/ws").await
    }

    /// Connected and upgraded to WebSocket at this path.
    pub async fn upgraded_at(address: SocketAddr, target: &str) -> Self {
        let mut raw = Self::dial(address).await;
        let upgrade = UPGRADE.replacen("/ws", target, 1);
        raw.send(upgrade.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let accept = "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=";
        assert!(head.to_lowercase().contains(accept), "{head}");
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        assert!(self.try_send(bytes).await, "the connection is open");
    }

    /// Whether the connection still took it.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        wait::soon("the bytes are sent", self.stream.write_all(bytes))
            .await
            .is_ok()
    }

    /// The head of an HTTP answer, up to the empty line; empty if the connection ended first.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.unread.drain(..at + 4).collect();
                return String::from_utf8(head).expect("an ASCII head");
            }
            if !self.more().await {
                return String::new();
            }
        }
    }

    /// The body that the head of an HTTP answer announces.
    pub async fn body(&mut self, head: &str) -> String {
        let lower = head.to_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.trim().parse::<usize>().ok())
            .expect("the answer says its length");
        while self.unread.len() < length {
            assert!(self.more().await, "the connection ended in the body");
        }
        let body: Vec<u8> = self.unread.drain(..length).collect();
        String::from_utf8(body).expect("a body in UTF-8")
    }

    /// `GET <target>` on a connection that is kept open: the answer's status and body.
    pub async fn get(&mut self, target: &str) -> (u16, String) {
        let get = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.send(get.as_bytes()).await;
        let head = self.head().await;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {head:?}"));
        (status, self.body(&head).await)
    }

    /// The next frame; `None` when the connection has ended.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Some(frame);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The code of the close frame that ends the connection; `None` = it ended without one.
    pub async fn close_code(&mut self) -> Option<u16> {
        while let Some(frame) = self.frame().await {
            if frame.opcode == frames::CLOSE {
                let code = frame.payload.first_chunk::<2>();
                return code.map(|bytes| u16::from_be_bytes(*bytes));
            }
        }
        None
    }

    /// Reads until the peer ends the connection.
    pub async fn end(&mut self) {
        while self.more().await {}
    }

    /// Everything the peer sent until it ended the connection.
    pub async fn everything(&mut self) -> String {
        self.end().await;
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    fn take_frame(&mut self) -> Option<Frame> {
        let (first, second) = (*self.unread.first()?, *self.unread.get(1)?);
        assert_eq!(second & 0x80, 0, "a server's frame carries no mask");
        let (start, length) = match second {
            126 => {
                let bytes = self.unread.get(2..4)?.try_into().ok()?;
                (4, usize::from(u16::from_be_bytes(bytes)))
            }
            127 => {
                let bytes = self.unread.get(2..10)?.try_into().ok()?;
                (10, usize::try_from(u64::from_be_bytes(bytes)).ok()?)
            }
            short => (2, usize::from(short)),
        };
        let payload = self.unread.get(start..start + length)?.to_vec();
        self.unread.drain(..start + length);
        Some(Frame {
            opcode: first & 0x0f,
            payload,
        })
    }

    /// Whether more came; a reset counts as the end.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.unread);
        wait::soon("bytes or the end", read)
            .await
            .is_ok_and(|count| count > 0)
    }
}
