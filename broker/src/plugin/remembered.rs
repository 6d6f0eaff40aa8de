//! Decisions a worker remembers, so that it need not ask the plugin again.

use std::hash::Hasher;
use std::time::Duration;

use rustc_hash::FxHasher;

use super::{Action, Decision, Verdict};

/// Entries that share a place. A question has one place, so that looking it up costs the same
/// whatever others ask; when it is full the oldest entry makes room.
const WAYS: usize = 8;
/// Longer questions are asked each time; the number of entries alone would not bound memory.
const KEY_BYTES: usize = 1_024;

/// What is asked, in the form it is remembered by.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) action: Action,
    pub(super) topic: &'a str,
    pub(super) subject: &'a str,
    pub(super) scopes: &'a str,
}

impl Question<'_> {
    fn bytes(&self) -> usize {
        self.topic.len() + self.subject.len() + self.scopes.len()
    }
}

/// A generation of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) plugin: usize,
    pub(super) generation: u64,
}

pub(super) struct Remembered {
    mask: usize,
    places: Vec<Place>,
}

#[derive(Clone, Default)]
struct Place {
    entries: Vec<Entry>,
    oldest: usize,
}

#[derive(Clone)]
struct Entry {
    hash: u64,
    origin: Origin,
    until_ms: u64,
    /// When open listeners are asked about again; `u64::MAX` = never.
    recheck_ms: u64,
    verdict: Verdict,
    key: Box<str>,
    action: Action,
    topic_end: u32,
    subject_end: u32,
}

impl Remembered {
    /// Keeps at most about `capacity` decisions (rounded up to a power of two, at least 8).
    pub(super) fn new(capacity: usize) -> Self {
        let places = capacity.div_ceil(WAYS).next_power_of_two();
        Self {
            mask: places - 1,
            places: vec![Place::default(); places],
        }
    }

    pub(super) fn hash(question: Question<'_>) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write_u8(question.action as u8);
        hasher.write(question.topic.as_bytes());
        hasher.write(question.subject.as_bytes());
        hasher.write(question.scopes.as_bytes());
        hasher.finish()
    }

    /// The decision, if a generation that is live (`is_live`) made it and it has not expired.
    pub(super) fn get(
        &self,
        hash: u64,
        question: Question<'_>,
        now_ms: u64,
        is_live: impl Fn(Origin) -> bool,
    ) -> Option<(Origin, Decision)> {
        let place = &self.places[hash as usize & self.mask];
        let entry = place
            .entries
            .iter()
            .find(|entry| entry.hash == hash && entry.answers(question))?;
        if now_ms >= entry.until_ms || !is_live(entry.origin) {
            return None;
        }
        let decision = Decision {
            verdict: entry.verdict.clone(),
            recheck_after: match entry.recheck_ms {
                u64::MAX => None,
                at => Some(Duration::from_millis(at.saturating_sub(now_ms))),
            },
        };
        Some((entry.origin, decision))
    }

    /// Remembers for `remember`, but no longer than until the decision's own recheck.
    pub(super) fn put(
        &mut self,
        hash: u64,
        question: Question<'_>,
        origin: Origin,
        decision: &Decision,
        remember: Duration,
        now_ms: u64,
    ) {
        if question.bytes() > KEY_BYTES {
            return;
        }
        let after = |duration: Duration| now_ms.saturating_add(duration.as_millis() as u64);
        let recheck_ms = decision.recheck_after.map_or(u64::MAX, after);
        let until_ms = after(remember).min(recheck_ms);
        let place = &mut self.places[hash as usize & self.mask];
        let entry = Entry::new(hash, question, origin, decision, until_ms, recheck_ms);
        let same = |old: &Entry| old.hash == hash && old.answers(question);
        if let Some(old) = place.entries.iter().position(same) {
            place.entries[old] = entry;
        } else if place.entries.len() < WAYS {
            place.entries.push(entry);
        } else {
            place.entries[place.oldest] = entry;
            place.oldest = (place.oldest + 1) % WAYS;
        }
    }
}

impl Entry {
    fn new(
        hash: u64,
        question: Question<'_>,
        origin: Origin,
        decision: &Decision,
        until_ms: u64,
        recheck_ms: u64,
    ) -> Self {
        let key = [question.topic, question.subject, question.scopes].concat();
        Self {
            hash,
            origin,
            until_ms,
            recheck_ms,
            verdict: decision.verdict.clone(),
            key: key.into(),
            action: question.action,
            topic_end: question.topic.len() as u32,
            subject_end: (question.topic.len() + question.subject.len()) as u32,
        }
    }

    fn answers(&self, question: Question<'_>) -> bool {
        let key = self.key.as_bytes();
        let (topic_end, subject_end) = (self.topic_end as usize, self.subject_end as usize);
        self.action == question.action
            && &key[..topic_end] == question.topic.as_bytes()
            && &key[topic_end..subject_end] == question.subject.as_bytes()
            && &key[subject_end..] == question.scopes.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin {
        plugin: 0,
        generation: 1,
    };
    const MINUTE: Duration = Duration::from_secs(60);

    fn question<'a>(topic: &'a str, subject: &'a str, scopes: &'a str) -> Question<'a> {
        Question {
            action: Action::Listen,
            topic,
            subject,
            scopes,
        }
    }

    fn put(remembered: &mut Remembered, question: Question<'_>, decision: &Decision, now: u64) {
        let hash = Remembered::hash(question);
        remembered.put(hash, question, ORIGIN, decision, MINUTE, now);
    }

    fn get(remembered: &Remembered, question: Question<'_>, now: u64) -> Option<Decision> {
        let hash = Remembered::hash(question);
        let found = remembered.get(hash, question, now, |origin| origin == ORIGIN);
        found.map(|(_, decision)| decision)
    }

    fn deny(reason: &str) -> Decision {
        Decision {
            verdict: Verdict::Deny(reason.into()),
            recheck_after: None,
        }
    }

    #[test]
    fn the_same_question_is_answered_until_the_time_is_up() {
        let mut remembered = Remembered::new(64);
        let asked = question("a:b", "ann", "x y");
        put(&mut remembered, asked, &deny("no"), 1_000);
        assert_eq!(get(&remembered, asked, 60_999), Some(deny("no")));
        assert_eq!(get(&remembered, asked, 61_000), None);
    }

    #[test]
    fn another_question_is_not_though_its_parts_join_to_the_same_text() {
        let mut remembered = Remembered::new(8);
        put(&mut remembered, question("ab", "c", "d"), &deny("no"), 0);
        for other in [
            question("a", "bc", "d"),
            question("ab", "", "cd"),
            question("ab", "cd", ""),
            Question {
                action: Action::Publish,
                ..question("ab", "c", "d")
            },
        ] {
            let hash = Remembered::hash(question("ab", "c", "d"));
            assert!(remembered.get(hash, other, 1, |_| true).is_none());
        }
    }

    #[test]
    fn an_answer_of_another_generation_is_void() {
        let mut remembered = Remembered::new(8);
        let asked = question("a", "", "");
        put(&mut remembered, asked, &deny("no"), 0);
        let hash = Remembered::hash(asked);
        let live = |origin: Origin| origin.generation == 2;
        assert!(remembered.get(hash, asked, 1, live).is_none());
    }

    #[test]
    fn nothing_is_remembered_past_its_own_recheck() {
        let mut remembered = Remembered::new(8);
        let asked = question("a", "", "");
        let decision = Decision {
            verdict: Verdict::Allow,
            recheck_after: Some(Duration::from_secs(10)),
        };
        put(&mut remembered, asked, &decision, 0);
        let later = get(&remembered, asked, 4_000).expect("remembered");
        assert_eq!(later.recheck_after, Some(Duration::from_secs(6)));
        assert_eq!(get(&remembered, asked, 10_000), None);
    }

    #[test]
    fn it_stays_within_its_capacity() {
        let mut remembered = Remembered::new(64);
        for at in 0..1_000 {
            let topic = format!("t:{at}");
            put(&mut remembered, question(&topic, "", ""), &deny("no"), 0);
        }
        let long = "s".repeat(KEY_BYTES);
        put(&mut remembered, question("t", "", &long), &deny("no"), 0);
        assert!(get(&remembered, question("t", "", &long), 0).is_none());
        let kept: usize = remembered.places.iter().map(|at| at.entries.len()).sum();
        assert!(kept <= 64, "{kept}");
        assert!(get(&remembered, question("t:999", "", ""), 0).is_some());
    }
}
