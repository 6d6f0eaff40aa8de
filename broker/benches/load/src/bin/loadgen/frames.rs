//! Counts what a server sends without looking into it: only frame headers are read.

use tidegate_load::websocket::{self, BINARY, Header, PING, TEXT};

/// Data frames with less payload than this are no deliveries (answers, protocol pings).
const SMALLEST_DELIVERY: usize = 64;

/// How publications are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One frame is one publication.
    Frame,
    /// A frame may hold several, each of this many bytes (NATS).
    Bytes(u64),
}

#[derive(Default)]
pub struct FrameCounter {
    /// Bytes of the current frame's payload that are still to come.
    rest: usize,
    /// The start of a header that was cut by the end of a read.
    header: Vec<u8>,
    frames: u64,
    bytes: u64,
}

/// What was noticed on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Payload of a ping that wants a pong (empty if it was cut by the end of a read).
    pub ping: Option<Vec<u8>>,
    pub closing: bool,
}

impl FrameCounter {
    pub fn feed(&mut self, mut bytes: &[u8]) -> Noticed {
        let mut noticed = Noticed::default();
        loop {
            let skipped = self.rest.min(bytes.len());
            self.rest -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return noticed;
            }
            let kept = self.header.len();
            let parsed = if kept == 0 {
                websocket::parse_header(bytes)
            } else {
                self.header.extend_from_slice(&bytes[..bytes.len().min(10)]);
                websocket::parse_header(&self.header)
            };
            let Some(header) = parsed else {
                if kept == 0 {
                    self.header.extend_from_slice(bytes);
                }
                return noticed;
            };
            self.header.clear();
            bytes = &bytes[header.size - kept..];
            self.rest = header.payload;
            self.count(header, bytes, &mut noticed);
        }
    }

    fn count(&mut self, header: Header, after: &[u8], noticed: &mut Noticed) {
        match header.opcode {
            TEXT | BINARY if header.payload >= SMALLEST_DELIVERY => {
                self.frames += 1;
                self.bytes += header.payload as u64;
            }
            PING => noticed.ping = Some(after.get(..header.payload).unwrap_or_default().to_vec()),
            websocket::CLOSE => noticed.closing = true,
            _ => {}
        }
    }

    /// Publications whose frame has begun.
    fn begun(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Frame => self.frames,
            Unit::Bytes(size) => self.bytes.saturating_sub(self.rest as u64) / size,
        }
    }

    /// Publications that arrived whole.
    pub fn publications(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Frame if self.rest >= 1 => self.begun(unit).saturating_sub(1),
            _ => self.begun(unit),
        }
    }

    /// Payload bytes of deliveries so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let mut stream = Vec::new();
        websocket::push_server_frame(&mut stream, TEXT, &[b'a'; 150]);
        websocket::push_server_frame(&mut stream, PING, b"p");
        websocket::push_server_frame(&mut stream, TEXT, b"an answer");
        websocket::push_server_frame(&mut stream, BINARY, &[b'b'; 300]);
        stream
    }

    #[test]
    fn deliveries_are_counted_wherever_the_reads_cut() {
        let stream = stream();
        for size in 1..stream.len() {
            let mut counter = FrameCounter::default();
            let mut pings = 0;
            for read in stream.chunks(size) {
                pings += usize::from(counter.feed(read).ping.is_some());
            }
            assert_eq!(counter.publications(Unit::Frame), 2, "reads of {size}");
            assert_eq!(counter.publications(Unit::Bytes(150)), 3, "reads of {size}");
            assert_eq!(pings, 1, "reads of {size}");
        }
    }

    #[test]
    fn a_frame_counts_when_it_is_whole() {
        let stream = stream();
        let mut counter = FrameCounter::default();
        counter.feed(&stream[..100]);
        assert_eq!(counter.publications(Unit::Frame), 0);
        counter.feed(&stream[100..]);
        assert_eq!(counter.publications(Unit::Frame), 2);
    }
}
