use std::collections::VecDeque;
use std::io::IoSlice;

use crate::outbox::policy::SlowConsumer;
use crate::protocol::engineio::Body;
use crate::publication::Frame;

/// Ready frames in the order they go out, at most `limit` bytes of publications.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Apart from the rest so that the usual case, one write of one run of frames, allocates
    /// nothing.
    first: Option<Waiting>,
    rest: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes of `first` that the socket has taken.
    written: usize,
}

#[derive(Debug)]
struct Waiting {
    frame: Frame,
    /// `None` = an answer or an event of the protocol, which no policy drops.
    publication: Option<(SlowConsumer, TopicTag)>,
}

/// Tells the topics of one connection's waiting publications apart.
pub type TopicTag = u32;

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Queued,
    /// Queued, or dropped itself, at the price of so many waiting publications of its policy.
    Dropped(usize),
    /// The outbox is full and the policy is to disconnect.
    Full,
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes - self.written
    }

    /// Queues an answer or an event. Not bounded by itself: clients cause them one by one, and
    /// are not read while their outbox is full.
    pub fn push_control(&mut self, frame: Frame) {
        self.append(Waiting {
            frame,
            publication: None,
        });
    }

    /// Queues a run of publications of one topic.
    pub fn push(
        &mut self,
        frame: &Frame,
        policy: SlowConsumer,
        tag: TopicTag,
        limit: usize,
    ) -> Pushed {
        let mut dropped = 0;
        if policy == SlowConsumer::LatestOnly {
            dropped += self.drop_waiting(usize::MAX, |w| w.publication == Some((policy, tag)));
        }
        if self.bytes() + frame.len() > limit {
            match policy {
                SlowConsumer::Disconnect => return Pushed::Full,
                SlowConsumer::DropOldest => {
                    let wanted = self.bytes() + frame.len() - limit;
                    let oldest = |w: &Waiting| matches!(w.publication, Some((p, _)) if p == policy);
                    dropped += self.drop_waiting(wanted, oldest);
                }
                SlowConsumer::LatestOnly => {}
            }
            if self.bytes() + frame.len() > limit {
                return Pushed::Dropped(dropped + 1);
            }
        }
        self.append(Waiting {
            frame: frame.clone(),
            publication: Some((policy, tag)),
        });
        if dropped == 0 {
            Pushed::Queued
        } else {
            Pushed::Dropped(dropped)
        }
    }

    fn append(&mut self, waiting: Waiting) {
        self.bytes += waiting.frame.len();
        let last = self.rest.back_mut().or(self.first.as_mut());
        if let Some(last) = last
            && last.publication == waiting.publication
            // Only what can be dropped must stay apart.
            && matches!(waiting.publication, None | Some((SlowConsumer::Disconnect, _)))
            && last.frame.join(&waiting.frame)
        {
            return;
        }
        if self.first.is_none() {
            self.first = Some(waiting);
        } else {
            self.rest.push_back(waiting);
        }
    }

    /// Drops every publication that the socket has not begun.
    pub fn drop_publications(&mut self) {
        self.drop_waiting(usize::MAX, |waiting| waiting.publication.is_some());
    }

    /// Drops the oldest that match until `bytes` are free; never one the socket has begun.
    fn drop_waiting(&mut self, bytes: usize, matches: impl Fn(&Waiting) -> bool) -> usize {
        let (mut freed, mut dropped) = (0, 0);
        if self.written == 0
            && let Some(first) = self.first.take_if(|first| matches(first))
        {
            freed += first.frame.len();
            dropped += 1;
            self.first = self.rest.pop_front();
        }
        self.rest.retain(|waiting| {
            let drop = freed < bytes && matches(waiting);
            if drop {
                freed += waiting.frame.len();
                dropped += 1;
            }
            !drop
        });
        self.bytes -= freed;
        dropped
    }

    /// The next bytes for a vectored write; answers how many slices were filled.
    pub fn slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let waiting = self.first.iter().chain(&self.rest);
        for (slot, waiting) in into.iter_mut().zip(waiting) {
            let skip = if filled == 0 { self.written } else { 0 };
            *slot = IoSlice::new(waiting.frame.as_slice().get(skip..).unwrap_or_default());
            filled += 1;
        }
        filled
    }

    /// Moves whole frames into the answer to a polling request until it is full.
    pub fn drain(&mut self, body: &mut Body) {
        while let Some(first) = &self.first {
            let frames = first.frame.as_slice().get(self.written..);
            let frames = frames.unwrap_or_default();
            let taken = body.push_frames(frames);
            let full = taken < frames.len();
            self.advance(taken);
            if full {
                return;
            }
        }
    }

    /// The socket took so many bytes.
    pub fn advance(&mut self, taken: usize) {
        self.written += taken;
        while let Some(first) = &self.first
            && self.written >= first.frame.len()
        {
            self.written -= first.frame.len();
            self.bytes -= first.frame.len();
            self.first = self.rest.pop_front();
        }
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::new(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn content(outbox: &Outbox) -> String {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = outbox.slices(&mut slices);
        let bytes: Vec<u8> = slices[..filled]
            .iter()
            .flat_map(|s| s.iter().copied())
            .collect();
        String::from_utf8(bytes).expect("test frames are text")
    }

    #[test]
    fn a_full_outbox_disconnects() {
        let mut outbox = Outbox::default();
        assert_eq!(
            outbox.push(&frame("aaaa"), SlowConsumer::Disconnect, 1, 8),
            Pushed::Queued
        );
        assert_eq!(
            outbox.push(&frame("bbbb"), SlowConsumer::Disconnect, 1, 8),
            Pushed::Queued
        );
        assert_eq!(
            outbox.push(&frame("c"), SlowConsumer::Disconnect, 1, 8),
            Pushed::Full
        );
        outbox.advance(5);
        assert_eq!(content(&outbox), "bbb");
        assert_eq!(
            outbox.push(&frame("ccccc"), SlowConsumer::Disconnect, 1, 8),
            Pushed::Queued
        );
        assert_eq!(content(&outbox), "bbbccccc");
    }

    #[test]
    fn the_oldest_are_dropped_but_not_what_was_begun_nor_answers() {
        let policy = SlowConsumer::DropOldest;
        let mut outbox = Outbox::default();
        outbox.push_control(frame("[re]"));
        for text in ["1111", "2222", "3333"] {
            assert_eq!(outbox.push(&frame(text), policy, 1, 16), Pushed::Queued);
        }
        assert_eq!(
            outbox.push(&frame("4444"), policy, 1, 16),
            Pushed::Dropped(1)
        );
        assert_eq!(content(&outbox), "[re]222233334444");
        outbox.advance(6);
        assert_eq!(
            outbox.push(&frame("555555"), policy, 1, 12),
            Pushed::Dropped(1)
        );
        assert_eq!(content(&outbox), "224444555555", "2222 was begun");
        assert_eq!(
            outbox.push(&frame(&"x".repeat(20)), policy, 1, 12),
            Pushed::Dropped(3)
        );
        assert_eq!(
            content(&outbox),
            "22",
            "what can never fit is dropped itself"
        );
    }

    #[test]
    fn only_the_latest_of_a_topic_waits() {
        let policy = SlowConsumer::LatestOnly;
        let mut outbox = Outbox::default();
        outbox.push(&frame("a1"), policy, 1, 99);
        outbox.push(&frame("b1"), policy, 2, 99);
        assert_eq!(outbox.push(&frame("a2"), policy, 1, 99), Pushed::Dropped(1));
        assert_eq!(content(&outbox), "b1a2");
        outbox.advance(1);
        assert_eq!(outbox.push(&frame("b2"), policy, 2, 99), Pushed::Queued);
        assert_eq!(content(&outbox), "1a2b2");
    }

    proptest! {
        #[test]
        fn what_comes_out_is_what_went_in(sizes in proptest::collection::vec((1usize..9, 0usize..12), 0..40)) {
            let mut outbox = Outbox::default();
            let (mut expected, mut seen) = (String::new(), String::new());
            for (at, (size, taken)) in sizes.into_iter().enumerate() {
                let text = char::from(b'a' + (at % 26) as u8).to_string().repeat(size);
                expected.push_str(&text);
                outbox.push(&frame(&text), SlowConsumer::Disconnect, 1, usize::MAX);
                let waiting = content(&outbox);
                let taken = taken.min(waiting.len());
                seen.push_str(&waiting[..taken]);
                outbox.advance(taken);
                prop_assert_eq!(outbox.bytes(), expected.len() - seen.len());
            }
            seen.push_str(&content(&outbox));
            prop_assert_eq!(seen, expected);
        }
    }
}
