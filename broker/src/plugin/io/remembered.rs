//! Admissions that are remembered, and those under way.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::watch;

use super::admission::NotAdmitted;
use crate::plugin::remembered::Origin;

/// Longer keys are asked for each time; the number of entries alone would not bound memory.
const KEY_BYTES: usize = 1_024;

pub(super) type Outcome = Result<(), NotAdmitted>;

/// Subject and scopes, so that no two pairs look alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Box<str>);

impl Key {
    pub(super) fn new(subject: &str, scopes: &str) -> Self {
        Self(format!("{}:{subject}{scopes}", subject.len()).into())
    }
}

pub(super) struct Book {
    pages: Mutex<Pages>,
    most_flights: usize,
}

struct Pages {
    /// `None` = nothing is to be remembered.
    kept: Option<LruCache<Key, Kept>>,
    flights: HashMap<Key, watch::Receiver<Option<Outcome>>>,
}

struct Kept {
    outcome: Outcome,
    origin: Origin,
    until_ms: u64,
}

/// What is known about a question.
pub(super) enum Known {
    Answer(Outcome),
    /// Somebody asks already.
    Flight(watch::Receiver<Option<Outcome>>),
    /// Nobody does: whoever learns this asks, and then [lands](Book::land).
    Nothing(watch::Sender<Option<Outcome>>),
    /// Too many ask.
    Full,
}

impl Book {
    pub(super) fn new(remembered: usize, most_flights: usize) -> Self {
        Self {
            pages: Mutex::new(Pages {
                kept: NonZeroUsize::new(remembered).map(LruCache::new),
                flights: HashMap::new(),
            }),
            most_flights,
        }
    }

    /// The remembered answer, if `serves` says that its generation still does.
    pub(super) fn answer(
        &self,
        key: &Key,
        now_ms: u64,
        serves: impl Fn(Origin) -> bool,
    ) -> Option<Outcome> {
        self.pages().answer(key, now_ms, serves)
    }

    pub(super) fn look_up(&self, key: &Key, now_ms: u64, serves: impl Fn(Origin) -> bool) -> Known {
        let mut pages = self.pages();
        if let Some(outcome) = pages.answer(key, now_ms, serves) {
            return Known::Answer(outcome);
        }
        if let Some(flight) = pages.flights.get(key) {
            return Known::Flight(flight.clone());
        }
        if pages.flights.len() >= self.most_flights {
            return Known::Full;
        }
        let (sender, receiver) = watch::channel(None);
        pages.flights.insert(key.clone(), receiver);
        Known::Nothing(sender)
    }

    /// The question is answered, or nobody could: the next one may ask again.
    pub(super) fn land(&self, key: &Key, answer: Option<(Origin, Outcome, Duration)>, now_ms: u64) {
        let mut pages = self.pages();
        pages.flights.remove(key);
        if let Some((origin, outcome, remember)) = answer
            && !remember.is_zero()
            && key.0.len() <= KEY_BYTES
            && let Some(kept) = &mut pages.kept
        {
            let until_ms = now_ms.saturating_add(remember.as_millis() as u64);
            let entry = Kept {
                outcome,
                origin,
                until_ms,
            };
            kept.put(key.clone(), entry);
        }
    }

    /// Questions under way and answers kept.
    pub(super) fn counts(&self) -> (usize, usize) {
        let pages = self.pages();
        let kept = pages.kept.as_ref().map_or(0, LruCache::len);
        (pages.flights.len(), kept)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn answer(
        &mut self,
        key: &Key,
        now_ms: u64,
        serves: impl Fn(Origin) -> bool,
    ) -> Option<Outcome> {
        let kept = self.kept.as_mut()?;
        let entry = kept.get(key)?;
        if now_ms < entry.until_ms && serves(entry.origin) {
            return Some(entry.outcome.clone());
        }
        kept.pop(key);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Origin = Origin {
        plugin: 0,
        generation: 1,
    };

    fn book(remembered: usize) -> Book {
        Book::new(remembered, 2)
    }

    fn learn(book: &Book, key: &Key, remember_ms: u64) {
        let known = book.look_up(key, 0, |_| true);
        assert!(matches!(known, Known::Nothing(_)));
        let answer = (FIRST, Ok(()), Duration::from_millis(remember_ms));
        book.land(key, Some(answer), 0);
    }

    #[test]
    fn an_answer_is_kept_for_its_time_and_its_generation() {
        let book = book(8);
        let key = Key::new("ann", "a b");
        learn(&book, &key, 100);
        assert_eq!(book.answer(&key, 99, |_| true), Some(Ok(())));
        let other = Key::new("anna", " b");
        assert_eq!(book.answer(&other, 0, |_| true), None);
        assert_eq!(book.answer(&key, 0, |origin| origin != FIRST), None);
        learn(&book, &key, 100);
        assert_eq!(book.answer(&key, 100, |_| true), None);
        learn(&book, &key, 0);
        assert_eq!(book.answer(&key, 0, |_| true), None);
    }

    #[test]
    fn one_asks_and_the_others_wait_and_too_many_do_not() {
        let book = book(8);
        let [ann, bob, eve] = ["ann", "bob", "eve"].map(|subject| Key::new(subject, ""));
        let look_up = |key| book.look_up(key, 0, |_| true);
        let Known::Nothing(_asks) = look_up(&ann) else {
            panic!("nobody asks yet");
        };
        assert!(matches!(look_up(&ann), Known::Flight(_)));
        assert!(matches!(look_up(&bob), Known::Nothing(_)));
        assert!(matches!(look_up(&eve), Known::Full));
        assert!(matches!(look_up(&ann), Known::Flight(_)), "one may join");
        book.land(&bob, None, 0);
        assert!(matches!(look_up(&eve), Known::Nothing(_)));
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let book = book(2);
        for subject in ["a", "b", "c"] {
            learn(&book, &Key::new(subject, ""), 100);
        }
        let long = Key::new("d", &"s".repeat(KEY_BYTES));
        learn(&book, &long, 100);
        assert_eq!(book.counts(), (0, 2));
        assert_eq!(book.answer(&long, 0, |_| true), None);
        let none = Book::new(0, 2);
        learn(&none, &long, 100);
        assert_eq!(none.counts(), (0, 0));
    }
}
