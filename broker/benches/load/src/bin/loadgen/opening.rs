//! A connection's beginning: TCP, the upgrade, and what its dialect says first.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use tidegate_load::websocket;

use crate::dialect::{Dialect, Step};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// One source address has 28,000 ports; with several, a run does not meet the last one's.
const SOURCES: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to a server on loopback; `number` picks the source address.
pub fn connect(port: u16, number: usize) -> Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    let source = Ipv4Addr::new(127, 0, 0, (2 + number % SOURCES) as u8);
    net::bind(&socket, &SocketAddrV4::new(source, 0))?;
    // Closing resets: no TIME_WAIT is left behind to use up the ports.
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("connect from {source} to port {port}"))?;
    Ok(TcpStream::from(socket))
}

/// Connects and says `steps`, waiting for each answer; the socket blocks.
pub fn converse(port: u16, dialect: Dialect, number: usize, steps: Vec<Step>) -> Result<TcpStream> {
    let mut stream = connect(port, number)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut opening = Opening::start(&mut stream, dialect, port, steps)?;
    let started = Instant::now();
    while opening.advance(&mut stream)?.is_none() {
        if started.elapsed() > PATIENCE {
            bail!("the connection did not open in {PATIENCE:?}");
        }
    }
    Ok(stream)
}

/// The conversation that makes a connected socket a listener.
pub struct Opening {
    dialect: Dialect,
    received: Vec<u8>,
    upgraded: bool,
    steps: std::vec::IntoIter<Step>,
    awaited: Option<&'static str>,
}

impl Opening {
    /// Sends the upgrade request.
    pub fn start(
        stream: &mut TcpStream,
        dialect: Dialect,
        port: u16,
        steps: Vec<Step>,
    ) -> Result<Self> {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
            dialect.path()
        );
        stream.write_all(request.as_bytes())?;
        Ok(Self {
            dialect,
            received: Vec::new(),
            upgraded: false,
            steps: steps.into_iter(),
            awaited: None,
        })
    }

    /// Reads what is there and goes on as far as that allows. When the conversation is over,
    /// answers with the bytes that came after it.
    pub fn advance(&mut self, stream: &mut TcpStream) -> Result<Option<Vec<u8>>> {
        let mut scratch = [0; 4096];
        match stream.read(&mut scratch) {
            Ok(0) => bail!("the server closed the connection while it was opened"),
            Ok(read) => self.received.extend_from_slice(&scratch[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        if !self.upgraded {
            let Some(end) = websocket::head_end(&self.received) else {
                return Ok(None);
            };
            check_head(&self.received[..end])?;
            self.received.drain(..end);
            self.upgraded = true;
            if self.next_step(stream)? {
                return Ok(Some(std::mem::take(&mut self.received)));
            }
        }
        while let Some(frame) = self.take_frame() {
            if self.dialect.refuses(&frame) {
                bail!("the server refused: {frame}");
            }
            let reply = self.awaited.is_some_and(|awaited| frame.contains(awaited));
            if reply && self.next_step(stream)? {
                return Ok(Some(std::mem::take(&mut self.received)));
            }
        }
        Ok(None)
    }

    /// Answers whether there was none.
    fn next_step(&mut self, stream: &mut TcpStream) -> Result<bool> {
        let Some(step) = self.steps.next() else {
            return Ok(true);
        };
        self.awaited = Some(step.reply);
        if !step.send.is_empty() {
            let mut frame = Vec::new();
            websocket::push_client_frame(&mut frame, self.dialect.opcode(), &step.send);
            stream.write_all(&frame)?;
        }
        Ok(false)
    }

    fn take_frame(&mut self) -> Option<String> {
        let header = websocket::parse_header(&self.received)?;
        let end = header.size.checked_add(header.payload)?;
        let payload = self.received.get(header.size..end)?;
        let text = String::from_utf8_lossy(payload).into_owned();
        self.received.drain(..end);
        Some(text)
    }
}

fn check_head(head: &[u8]) -> Result<()> {
    let head = String::from_utf8_lossy(head);
    let first = head.lines().next().unwrap_or_default();
    if !first.starts_with("HTTP/1.1 101") {
        bail!("the server did not upgrade: {first}");
    }
    if websocket::header_value(&head, "sec-websocket-accept") != Some(&websocket::accept_key(KEY)) {
        bail!("the server's sec-websocket-accept is wrong");
    }
    Ok(())
}
