//! A publication: what a service or a client published on a topic, with each wire form encoded
//! once and shared by all listeners.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};

use crate::protocol::{pubsub, socketio};
use crate::topic::Topic;

/// One publication, ready for delivery. Shared by all workers.
#[derive(Debug)]
pub struct Publication {
    pub draft: Draft,
    /// The whole `/ws` frame (header and payload), a slice of the batch it was encoded in.
    ws: Frame,
    /// By namespace; made by the first listener there.
    socketio: OnceLock<Box<InNamespace>>,
}

/// The Socket.IO form in one namespace, and those in other ones. A namespace is in the packet, so
/// each has its own form; most nodes serve one or two.
#[derive(Debug)]
struct InNamespace {
    namespace: Box<str>,
    frame: Frame,
    others: OnceLock<Box<InNamespace>>,
}

/// Header, namespace, event, topic and id of the usual publication, so that its buffer is not moved.
const FORM_BYTES: usize = 160;

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
#[derive(Clone, Debug)]
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
                Arc::new(Publication {
                    draft,
                    ws,
                    socketio: OnceLock::new(),
                })
            })
            .collect()
    }

    pub fn topic(&self) -> &Topic {
        &self.draft.topic
    }

    pub fn ws(&self) -> &Frame {
        &self.ws
    }

    /// The whole WebSocket frame of the event in a namespace, encoded at the first call and shared
    /// by all workers from then on. Unlike `/ws` frames these lie in no common buffer: most topics
    /// have no Socket.IO listener, and those that have carry little. Polling takes the packet out
    /// of it (`engineio::Body`).
    pub fn socketio(&self, namespace: &str) -> &Frame {
        let mut slot = &self.socketio;
        loop {
            let form = slot.get_or_init(|| Box::new(self.in_namespace(namespace)));
            if *form.namespace == *namespace {
                return &form.frame;
            }
            slot = &form.others;
        }
    }

    fn in_namespace(&self, namespace: &str) -> InNamespace {
        let draft = &self.draft;
        let mut frame = BytesMut::with_capacity(draft.payload.len() + FORM_BYTES);
        socketio::put_publication(
            namespace,
            draft.topic.as_str(),
            draft.event.as_deref(),
            &draft.id,
            std::str::from_utf8(&draft.payload).unwrap_or_default(),
            &mut frame,
        );
        InNamespace {
            namespace: namespace.into(),
            frame: Frame::new(frame.freeze()),
            others: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{engineio, frame};

    fn publication() -> Arc<Publication> {
        let draft = Draft {
            topic: Topic::parse("user:7:notification").expect("a topic"),
            event: Some("notification".into()),
            id: "k/0/5/0".into(),
            ts: None,
            origin: None,
            payload: Bytes::from_static(br#"{"text":"hi"}"#),
        };
        Publication::encode_batch([draft]).remove(0)
    }

    fn text(form: &Frame) -> &str {
        let frame = frame::server_frames(form.as_slice()).next();
        std::str::from_utf8(frame.expect("a frame").payload).expect("text")
    }

    #[test]
    fn each_namespace_has_one_form_that_all_workers_share() {
        let publication = publication();
        let in_all = |publication: &Publication| {
            ["/", "/admin", "/custom", "/"].map(|namespace| {
                let form = publication.socketio(namespace);
                (form.as_slice().as_ptr() as usize, text(form).to_owned())
            })
        };
        let seen = std::thread::scope(|scope| {
            let workers = [0; 4].map(|_| scope.spawn(|| in_all(&publication)));
            workers.map(|worker| worker.join().expect("a worker"))
        });
        assert!(seen.iter().all(|forms| *forms == seen[0]), "encoded once");
        let [main, admin, custom, again] = &seen[0];
        assert_eq!(main, again);
        assert_eq!(main.1, r#"42["notification",{"text":"hi"}]"#);
        assert_eq!(admin.1, r#"42/admin,["notification",{"text":"hi"}]"#);
        assert_eq!(custom.1, r#"42/custom,["notification",{"text":"hi"}]"#);
    }

    #[test]
    fn polling_takes_the_packet_out_of_the_frame() {
        let publication = publication();
        let mut body = engineio::Body::new(1_000);
        for _ in 0..2 {
            let form = publication.socketio("/");
            assert_eq!(body.push_frames(form.as_slice()), form.len());
        }
        let one = r#"42["notification",{"text":"hi"}]"#;
        assert_eq!(body.finish(), format!("{one}\x1e{one}"));
    }
}
