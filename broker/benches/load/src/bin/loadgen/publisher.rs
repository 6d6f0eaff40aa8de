//! The one connection that publishes.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::dialect::Dialect;
use crate::opening::{self, Opening};
use crate::sample;

pub struct Publisher {
    stream: TcpStream,
    dialect: Dialect,
    topic: String,
    published: u64,
    frames: Vec<u8>,
}

impl Publisher {
    pub fn connect(dialect: Dialect, port: u16, topic: &str, token: Option<&str>) -> Result<Self> {
        let mut stream = opening::connect(port, 0)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let steps = dialect.introduce_publisher(token);
        let mut opening = Opening::start(&mut stream, dialect, port, steps)?;
        let started = Instant::now();
        while opening.advance(&mut stream).context("publisher")?.is_none() {
            if started.elapsed() > Duration::from_secs(10) {
                bail!("the publisher's connection did not open in 10 s");
            }
        }
        Ok(Self {
            stream,
            dialect,
            topic: topic.to_owned(),
            published: 0,
            frames: Vec::new(),
        })
    }

    /// Publishes `count` publications with one write. Answers when.
    pub fn publish(&mut self, count: usize) -> Result<Instant> {
        self.frames.clear();
        for _ in 0..count {
            self.published += 1;
            let payload = sample::payload(self.published);
            self.dialect
                .push_publish(&mut self.frames, &self.topic, &payload);
        }
        let at = Instant::now();
        self.stream.write_all(&self.frames).context("publisher")?;
        Ok(at)
    }

    pub fn published(&self) -> u64 {
        self.published
    }
}
