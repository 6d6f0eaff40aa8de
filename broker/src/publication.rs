//! A publication: what a service or a client published on a topic, with each wire form encoded
//! once and shared by all listeners.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::protocol::pubsub;
use crate::topic::Topic;

/// One publication, ready for delivery. Shared by all workers.
#[derive(Debug)]
pub struct Publication {
    pub draft: Draft,
    /// The whole `/ws` frame (header and payload), a slice of the batch it was encoded in.
    ws: Frame,
    sio: std::sync::OnceLock<Frame>,
}

/// A publication that has no wire form yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub topic: Topic,
    pub event: Option<Box<str>>,
    /// Unique; a second publication with an id seen in the last 60 s is dropped.
    pub id: Box<str>,
    /// Milliseconds since 1970, when the publisher gave them.
    pub ts: Option<u64>,
    /// The node or service that published.
    pub origin: Option<Box<str>>,
    /// JSON text, byte for byte as it was published.
    pub payload: Bytes,
}

/// Bytes ready for the socket: a range of the buffer its whole batch was encoded in, so that
/// frames that follow each other on the wire are one slice.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    batch: Bytes,
    start: usize,
    end: usize,
}

impl Frame {
    pub fn new(bytes: Bytes) -> Self {
        let end = bytes.len();
        Self {
            batch: bytes,
            start: 0,
            end,
        }
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.batch[self.start..self.end]
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes `next` in if it follows this frame in the same batch; answers whether it did.
    pub fn join(&mut self, next: &Frame) -> bool {
        let follows = self.end == next.start
            && self.batch.as_ptr() == next.batch.as_ptr()
            && self.batch.len() == next.batch.len();
        if follows {
            self.end = next.end;
        }
        follows
    }
}

impl Publication {
    /// Encodes a batch into one buffer.
    pub fn encode_batch(drafts: impl IntoIterator<Item = Draft>) -> Vec<Arc<Publication>> {
        let mut batch = BytesMut::new();
        let mut ranges = Vec::new();
        for draft in drafts {
            let start = batch.len();
            let payload = std::str::from_utf8(&draft.payload).unwrap_or_default();
            pubsub::put_message_frame(
                draft.topic.as_str(),
                draft.event.as_deref(),
                &draft.id,
                payload,
                &mut batch,
            );
            ranges.push((draft, start, batch.len()));
        }
        let batch = batch.freeze();
        ranges
            .into_iter()
            .map(|(draft, start, end)| {
                let ws = Frame {
                    batch: batch.clone(),
                    start,
                    end,
                };
                Arc::new(Publication { draft, ws, sio: Default::default() })
            })
            .collect()
    }

    pub fn topic(&self) -> &Topic {
        &self.draft.topic
    }

    pub fn ws(&self) -> &Frame {
        &self.ws
    }

    pub fn socketio(&self) -> &Frame {
        self.sio.get_or_init(|| {
            let mut out = BytesMut::new();
            self.put_socketio("/", &mut out);
            Frame::new(out.freeze())
        })
    }

    pub fn put_socketio(&self, namespace: &str, out: &mut BytesMut) {
        let d = &self.draft;
        crate::protocol::socketio::put_publication(namespace, d.topic.as_str(), d.event.as_deref(), &d.id, std::str::from_utf8(&d.payload).unwrap_or_default(), out);
    }
}
