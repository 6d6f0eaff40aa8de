//! Publications of one topic that go out together, in each wire form that somebody listens in.

use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;

use super::Wire;
use crate::protocol::socketio;
use crate::publication::{Frame, Publication};

pub(super) struct Run<'a> {
    publications: &'a [Arc<Publication>],
    ws: Frame,
    main: Option<Frame>,
    namespaces: Vec<(Rc<str>, Frame)>,
}

impl<'a> Run<'a> {
    /// The first of `batch`, and if `more` those of its topic that follow it.
    pub(super) fn take(batch: &'a [Arc<Publication>], more: bool) -> Self {
        let mut ws = joined(batch.iter().take(1).map(|first| first.ws()));
        let mut count = batch.len().min(1);
        if more {
            let follows = |pair: &[Arc<Publication>]| pair[0].topic() == pair[1].topic();
            for pair in batch.windows(2) {
                if !follows(pair) || !ws.join(pair[1].ws()) {
                    break;
                }
                count += 1;
            }
        }
        Self::with(&batch[..count], ws)
    }

    /// All of `publications`, which are of one topic.
    pub(super) fn of(publications: &'a [Arc<Publication>]) -> Self {
        let frames = publications.iter().map(|publication| publication.ws());
        Self::with(publications, joined(frames))
    }

    fn with(publications: &'a [Arc<Publication>], ws: Frame) -> Self {
        Self {
            publications,
            ws,
            main: None,
            namespaces: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.publications.len()
    }

    /// The frames of a listener; put together for the first that wants them.
    pub(super) fn frame(&mut self, wire: &Wire) -> &Frame {
        match wire {
            Wire::Pubsub => &self.ws,
            Wire::Main => self
                .main
                .get_or_insert_with(|| in_namespace(self.publications, socketio::MAIN)),
            Wire::Namespace(name) => {
                let known = self.namespaces.iter().position(|(known, _)| known == name);
                let at = known.unwrap_or_else(|| {
                    let frame = in_namespace(self.publications, name);
                    self.namespaces.push((name.clone(), frame));
                    self.namespaces.len() - 1
                });
                &self.namespaces[at].1
            }
        }
    }
}

fn in_namespace(publications: &[Arc<Publication>], name: &str) -> Frame {
    let frames = publications.iter();
    joined(frames.map(|publication| publication.socketio(name)))
}

/// Frames as one slice; shared if it is one only, else copied.
fn joined<'f>(mut frames: impl ExactSizeIterator<Item = &'f Frame>) -> Frame {
    if frames.len() == 1
        && let Some(only) = frames.next()
    {
        return only.clone();
    }
    let mut all = BytesMut::new();
    for frame in frames {
        all.extend_from_slice(frame.as_slice());
    }
    Frame::new(all.freeze())
}
