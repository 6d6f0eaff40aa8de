//! The one connection that publishes.

use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::dialect::Dialect;
use crate::opening;
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
        let steps = dialect.introduce_publisher(token);
        let stream = opening::converse(port, dialect, 0, steps).context("publisher")?;
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
