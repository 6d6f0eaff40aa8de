//! The connections that listen, on one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tidegate_load::poll::Poll;
use tidegate_load::websocket::{self, PONG};

use crate::dialect::{Dialect, Step};
use crate::frames::{FrameCounter, Unit};
use crate::opening::{self, Opening};
use crate::sample::Sample;

/// Handshakes under way at once; fewer than the accept queue of any server here.
const WINDOW: usize = 128;
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Fleet {
    dialect: Dialect,
    port: u16,
    unit: Unit,
    poll: Poll,
    ready: Vec<usize>,
    scratch: Vec<u8>,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    opening: Option<Box<Opening>>,
    counter: FrameCounter,
    publications: u64,
    sample: Option<Box<Sample>>,
}

/// One listener got publications `before..after`, counted from its first.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The listener's place in the fleet.
    pub listener: usize,
    pub before: u64,
    pub after: u64,
    pub at: Instant,
}

impl Fleet {
    pub fn new(dialect: Dialect, port: u16, topic: &str) -> Result<Self> {
        Ok(Self {
            dialect,
            port,
            unit: dialect.unit(topic),
            poll: Poll::new()?,
            ready: Vec::new(),
            scratch: vec![0; 256 << 10],
            connections: Vec::new(),
        })
    }

    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Opens connections until there are `count`, each saying what `script` wants of it.
    /// Every `sample_every`th has its payloads checked (0: none).
    pub fn open(
        &mut self,
        count: usize,
        sample_every: usize,
        script: impl Fn(usize) -> Vec<Step>,
    ) -> Result<()> {
        let mut opened = self.len();
        while opened < count {
            while self.len() < count && self.len() - opened < WINDOW {
                let sampled = sample_every != 0 && self.len().is_multiple_of(sample_every);
                self.start(script(self.len()), sampled)?;
            }
            self.poll.wait(&mut self.ready, Some(PATIENCE))?;
            if self.ready.is_empty() {
                bail!("{opened} of {count} connections opened, then nothing for {PATIENCE:?}");
            }
            for token in std::mem::take(&mut self.ready) {
                opened += usize::from(self.advance_opening(token)?);
            }
        }
        Ok(())
    }

    fn start(&mut self, steps: Vec<Step>, sampled: bool) -> Result<()> {
        let number = self.len();
        let mut stream = opening::connect(self.port, number)?;
        let opening = Opening::start(&mut stream, self.dialect, self.port, steps)?;
        stream.set_nonblocking(true)?;
        self.poll.add(&stream, number)?;
        self.connections.push(Connection {
            stream,
            opening: Some(Box::new(opening)),
            counter: FrameCounter::default(),
            publications: 0,
            sample: sampled.then(Box::default),
        });
        Ok(())
    }

    /// Answers whether this connection is open now and was not before.
    fn advance_opening(&mut self, token: usize) -> Result<bool> {
        let connection = &mut self.connections[token];
        let Some(opening) = &mut connection.opening else {
            self.read(token)?;
            return Ok(false);
        };
        let after = opening
            .advance(&mut connection.stream)
            .with_context(|| format!("connection {token}"))?;
        if let Some(after) = &after {
            connection.opening = None;
            connection.counter.feed(after);
        }
        Ok(after.is_some())
    }

    /// Waits until something arrives, at most `timeout`, and tells `delivered` what.
    pub fn receive(
        &mut self,
        timeout: Duration,
        mut delivered: impl FnMut(Delivery),
    ) -> Result<()> {
        self.poll.wait(&mut self.ready, Some(timeout))?;
        let ready = std::mem::take(&mut self.ready);
        for &token in &ready {
            let before = self.connections[token].publications;
            let after = self.read(token)?;
            if after > before {
                let at = Instant::now();
                delivered(Delivery {
                    listener: token,
                    before,
                    after,
                    at,
                });
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn read(&mut self, token: usize) -> Result<u64> {
        let connection = &mut self.connections[token];
        let read = match connection.stream.read(&mut self.scratch) {
            Ok(0) => bail!("the server closed connection {token}"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error).with_context(|| format!("connection {token}")),
        };
        let bytes = &self.scratch[..read];
        let noticed = connection.counter.feed(bytes);
        if noticed.closing {
            bail!("the server closed connection {token} with a close frame");
        }
        if let Some(payload) = noticed.ping {
            let mut pong = Vec::new();
            websocket::push_client_frame(&mut pong, PONG, &payload);
            connection.stream.write_all(&pong)?;
        }
        if let Some(sample) = &mut connection.sample {
            sample
                .check(bytes)
                .with_context(|| format!("connection {token}"))?;
        }
        connection.publications = connection.counter.publications(self.unit);
        Ok(connection.publications)
    }

    /// Bytes of payload per delivery, as the first connection saw them.
    pub fn delivery_bytes(&self) -> u64 {
        let first = self.connections.first();
        first.map_or(0, |first| first.counter.bytes() / first.publications.max(1))
    }

    /// Publications whose number was checked, over all sampled connections.
    pub fn checked(&self) -> u64 {
        let samples = self.connections.iter().filter_map(|c| c.sample.as_ref());
        samples.map(|sample| sample.checked()).sum()
    }
}
