//! Connections that call methods: each has some calls under way at a time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;
use tidegate_load::poll::Poll;
use tidegate_load::websocket::{self, PING, PONG, TEXT};

use crate::target::Target;

const STALL: Duration = Duration::from_secs(10);

pub struct Callers {
    poll: Poll,
    ready: Vec<usize>,
    scratch: Vec<u8>,
    callers: Vec<Caller>,
}

/// A call that was answered.
pub struct Answer {
    pub took: Duration,
    /// JSON text.
    pub data: Box<RawValue>,
}

struct Caller {
    stream: TcpStream,
    received: Vec<u8>,
    /// By nonce; a call's place is free again when it is answered.
    begun: Vec<Option<Instant>>,
}

#[derive(Deserialize)]
struct Response {
    error: String,
    nonce: String,
    data: Box<RawValue>,
}

impl Callers {
    /// `count` connections of users of their own, with at most `in_flight` calls each.
    pub fn connect(target: &Target, count: usize, in_flight: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut callers = Vec::new();
        for number in 0..count {
            let stream = target.caller(number)?;
            stream.set_nonblocking(true)?;
            poll.add(&stream, number)?;
            callers.push(Caller {
                stream,
                received: Vec::new(),
                begun: vec![None; in_flight],
            });
        }
        Ok(Self {
            poll,
            ready: Vec::new(),
            scratch: vec![0; 256 << 10],
            callers,
        })
    }

    /// Has every free place call what `next` says (method and JSON text), until that is nothing.
    pub fn fill(&mut self, mut next: impl FnMut() -> Option<(&'static str, String)>) -> Result<()> {
        for caller in &mut self.callers {
            let mut frames = Vec::new();
            for (nonce, begun) in caller.begun.iter_mut().enumerate() {
                if begun.is_some() {
                    continue;
                }
                let Some((method, params)) = next() else {
                    break;
                };
                let call = format!(
                    r#"{{"type":"CALL","nonce":"{nonce}","data":{{"method":"{method}","params":{params}}}}}"#
                );
                websocket::push_client_frame(&mut frames, TEXT, call.as_bytes());
                *begun = Some(Instant::now());
            }
            if !frames.is_empty() {
                caller.stream.write_all(&frames).context("a caller")?;
            }
        }
        Ok(())
    }

    /// Calls under way.
    pub fn in_flight(&self) -> usize {
        let begun = self.callers.iter().flat_map(|caller| &caller.begun);
        begun.filter(|begun| begun.is_some()).count()
    }

    /// Waits for answers and tells `answered` of each.
    ///
    /// # Errors
    /// A call was refused, or nothing came for 10 s.
    pub fn receive(&mut self, mut answered: impl FnMut(Answer) -> Result<()>) -> Result<()> {
        self.poll.wait(&mut self.ready, Some(STALL))?;
        if self.ready.is_empty() {
            bail!("{} calls were not answered in {STALL:?}", self.in_flight());
        }
        for number in std::mem::take(&mut self.ready) {
            let caller = &mut self.callers[number];
            caller.read(&mut self.scratch)?;
            while let Some((opcode, payload)) = caller.take_frame() {
                match opcode {
                    TEXT => {
                        let (took, data) = caller.answered(&payload)?;
                        answered(Answer { took, data })?;
                    }
                    PING => {
                        let mut pong = Vec::new();
                        websocket::push_client_frame(&mut pong, PONG, &payload);
                        caller.stream.write_all(&pong)?;
                    }
                    other => bail!("a frame with opcode {other} came to caller {number}"),
                }
            }
        }
        Ok(())
    }

    /// One call, by itself.
    pub fn call(&mut self, method: &'static str, params: &str) -> Result<Answer> {
        let mut once = Some((method, params.to_owned()));
        self.fill(|| once.take())?;
        let mut found = None;
        while found.is_none() {
            self.receive(|answer| {
                found = Some(answer);
                Ok(())
            })?;
        }
        found.context("an answer")
    }
}

impl Caller {
    fn read(&mut self, scratch: &mut [u8]) -> Result<()> {
        match self.stream.read(scratch) {
            Ok(0) => bail!("the server closed a caller's connection"),
            Ok(read) => self.received.extend_from_slice(&scratch[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("a caller"),
        }
        Ok(())
    }

    fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let header = websocket::parse_header(&self.received)?;
        let end = header.size.checked_add(header.payload)?;
        let payload = self.received.get(header.size..end)?.to_vec();
        self.received.drain(..end);
        Some((header.opcode, payload))
    }

    fn answered(&mut self, payload: &[u8]) -> Result<(Duration, Box<RawValue>)> {
        let text = String::from_utf8_lossy(payload);
        let response: Response =
            serde_json::from_slice(payload).with_context(|| format!("no answer: {text}"))?;
        if !response.error.is_empty() {
            bail!("the server refused a call: {text}");
        }
        let place = response.nonce.parse().ok();
        let begun = place.and_then(|place: usize| self.begun.get_mut(place)?.take());
        let begun = begun.with_context(|| format!("nobody called for {text}"))?;
        Ok((begun.elapsed(), response.data))
    }
}
