//! The floor: the smallest program that does what the bench asks of a server. What it spends on
//! a delivery is the kernel's price of one `send`; every other server is given as a ratio to it.
//!
//! Per turn of its loop it reads what is there and sends what was published to each listener with
//! one `send(2)`. It has no queue: a listener that cannot take the bytes at once is dropped. It
//! has no topics, no limits and no authorization either: all listeners hear all publications.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use clap::Parser;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};
use tidegate_load::poll::Poll;

mod peer;

use peer::{Heard, Peer};

const LISTENER: usize = usize::MAX;

#[derive(Parser)]
struct Options {
    #[arg(long)]
    port: u16,
    /// Pads each MESSAGE with an `id` until its frame has this many bytes, to be byte for byte as
    /// long as the frames of the server it is compared with.
    #[arg(long, default_value_t = 0)]
    frame_bytes: usize,
    /// Lets publications wait so long for company, in milliseconds; 0 = sends at the end of each turn.
    #[arg(long, default_value_t = 0)]
    coalesce_ms: u64,
}

struct Floor {
    socket: OwnedFd,
    poll: Poll,
    peers: Vec<Option<(TcpStream, Peer)>>,
    free: Vec<usize>,
    listeners: Vec<usize>,
    frame_bytes: usize,
    coalesce: Duration,
    /// What was published and not sent, as frames.
    turn: Vec<u8>,
    /// When that must go out.
    due: Option<Instant>,
    scratch: Vec<u8>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut floor = Floor::bind(&options)?;
    println!("listening on port {}", options.port);
    let mut ready = Vec::new();
    loop {
        let left = floor
            .due
            .map(|due| due.saturating_duration_since(Instant::now()));
        floor.poll.wait(&mut ready, left)?;
        for &token in &ready {
            if token == LISTENER {
                floor.accept()?;
            } else {
                floor.read(token);
            }
        }
        floor.fan_out();
    }
}

impl Floor {
    fn bind(options: &Options) -> anyhow::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        net::bind(
            &socket,
            &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, options.port),
        )?;
        net::listen(&socket, 4096)?;
        let poll = Poll::new()?;
        poll.add(&socket, LISTENER)?;
        Ok(Self {
            socket,
            poll,
            peers: Vec::new(),
            free: Vec::new(),
            listeners: Vec::new(),
            frame_bytes: options.frame_bytes,
            coalesce: Duration::from_millis(options.coalesce_ms),
            turn: Vec::new(),
            due: None,
            scratch: vec![0; 64 << 10],
        })
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let stream = match net::accept_with(&self.socket, flags) {
                Ok(socket) => TcpStream::from(socket),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let token = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            self.poll.add(&stream, token)?;
            self.peers[token] = Some((stream, Peer::default()));
        }
    }

    fn read(&mut self, token: usize) {
        let Some((stream, peer)) = &mut self.peers[token] else {
            return;
        };
        let heard = match stream.read(&mut self.scratch) {
            Ok(0) => Err("closed"),
            Ok(read) => peer.hear(&mut self.scratch[..read], self.frame_bytes, &mut self.turn),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => Err("broken"),
        };
        match heard {
            Ok(Heard { answer, listens }) => {
                if listens {
                    self.listeners.push(token);
                }
                if !answer.is_empty() && stream.write_all(&answer).is_err() {
                    self.drop_peer(token);
                }
            }
            Err(_) => self.drop_peer(token),
        }
    }

    fn fan_out(&mut self) {
        if self.turn.is_empty() {
            return;
        }
        if !self.coalesce.is_zero() {
            let now = Instant::now();
            if *self.due.get_or_insert(now + self.coalesce) > now {
                return;
            }
            self.due = None;
        }
        let mut behind = Vec::new();
        for &token in &self.listeners {
            let Some((stream, _)) = &mut self.peers[token] else {
                continue;
            };
            // Not `write_all`: one send is the whole point.
            if !matches!(stream.write(&self.turn), Ok(sent) if sent == self.turn.len()) {
                behind.push(token);
            }
        }
        self.turn.clear();
        for token in behind {
            eprintln!("floor: dropped listener {token}: its socket was full");
            self.drop_peer(token);
        }
    }

    fn drop_peer(&mut self, token: usize) {
        self.peers[token] = None;
        self.free.push(token);
        self.listeners.retain(|&listener| listener != token);
    }
}
