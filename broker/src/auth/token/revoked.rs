//! Sessions and subjects whose tokens are refused on this node.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::Principal;

/// Revocations that are kept; above it the oldest is forgotten, its tokens then last until they
/// expire.
const KEPT_MAX: usize = 1 << 20;

pub(crate) struct Revocations {
    /// Grows after a revocation is kept. Whoever holds a principal asks again when it has grown,
    /// so that nobody takes the lock on the path of a message.
    count: AtomicU64,
    /// Seconds that a revocation is kept.
    life: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sessions: HashMap<Arc<str>, Revoked>,
    subjects: HashMap<Arc<str>, Revoked>,
    /// In the order of their end, for all are kept equally long. One that was renewed is here
    /// twice.
    ends: VecDeque<(u64, Whose)>,
}

#[derive(Clone, Copy)]
struct Revoked {
    /// Tokens issued until then are refused; seconds since 1970.
    issued_until: u64,
    end: u64,
}

enum Whose {
    Session(Arc<str>),
    Subject(Arc<str>),
}

impl Revocations {
    /// `life` in seconds: no token that is to be refused may live longer.
    pub(crate) fn new(life: u64) -> Self {
        Self {
            count: AtomicU64::new(0),
            life,
            kept: Mutex::default(),
        }
    }

    /// How many there have been.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Whether the principal's token is refused. A token that does not say when it was issued
    /// counts as old.
    pub(crate) fn covers(&self, principal: &Principal) -> bool {
        if self.count() == 0 {
            return false;
        }
        let kept = self.kept();
        let session = principal.session_id.as_deref();
        if session.is_some_and(|sid| kept.sessions.contains_key(sid)) {
            return true;
        }
        let subject = kept.subjects.get(&*principal.subject);
        subject.is_some_and(|revoked| principal.issued_at <= revoked.issued_until)
    }

    /// Whether the session has ended.
    pub(crate) fn covers_session(&self, session: &str) -> bool {
        self.count() != 0 && self.kept().sessions.contains_key(session)
    }

    /// Refuses every token made from `session`, whenever it was issued.
    pub(crate) fn add_session(&self, session: &str, now: u64) {
        let revoked = Revoked {
            issued_until: u64::MAX,
            end: now.saturating_add(self.life),
        };
        let mut kept = self.kept();
        kept.make_room(now);
        let session: Arc<str> = session.into();
        kept.sessions.insert(session.clone(), revoked);
        kept.ends.push_back((revoked.end, Whose::Session(session)));
        drop(kept);
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Refuses the tokens of `subject` that were issued until then.
    pub(crate) fn add_subject(&self, subject: &str, issued_until: u64, now: u64) {
        let mut kept = self.kept();
        kept.make_room(now);
        let earlier = kept.subjects.get(subject);
        let revoked = Revoked {
            issued_until: earlier.map_or(0, |one| one.issued_until).max(issued_until),
            end: now.saturating_add(self.life),
        };
        let subject: Arc<str> = subject.into();
        kept.subjects.insert(subject.clone(), revoked);
        kept.ends.push_back((revoked.end, Whose::Subject(subject)));
        drop(kept);
        self.count.fetch_add(1, Ordering::Release);
    }

    /// No operation under this lock panics half-way, so a poisoned one is whole.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn make_room(&mut self, now: u64) {
        while let Some((end, _)) = self.ends.front()
            && (*end <= now || self.ends.len() >= KEPT_MAX)
            && let Some((end, whose)) = self.ends.pop_front()
        {
            let (map, name) = match whose {
                Whose::Session(name) => (&mut self.sessions, name),
                Whose::Subject(name) => (&mut self.subjects, name),
            };
            if map.get(&name).is_some_and(|revoked| revoked.end == end) {
                map.remove(&name);
            }
        }
    }
}
