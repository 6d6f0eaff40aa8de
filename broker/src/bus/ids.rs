//! Ids of publications: made here for those that come without one, and remembered for a while so
//! that a second publication with the same id is dropped.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashSet;
use tokio::time::Instant;

/// An id is remembered at least this long; a Kafka record that is consumed again after a rebalance
/// comes within it.
pub const REMEMBERED: Duration = Duration::from_secs(60);

/// Ids of one generation. Two of them in full take about 75 MB; above 35,000 publications a second
/// for a minute the oldest are forgotten early.
const GENERATION: usize = 1 << 21;

/// Makes ids: 26 characters that sort by time, then by this source's order (the shape of a ULID).
#[derive(Debug)]
pub struct IdSource {
    /// 48 random bits: what keeps two nodes' ids apart.
    source: u64,
    last_ms: u64,
    count: u32,
}

impl IdSource {
    pub fn new() -> Self {
        Self::from_parts(RandomState::new().hash_one(SystemTime::now()))
    }

    fn from_parts(source: u64) -> Self {
        Self {
            source: source & ((1 << 48) - 1),
            last_ms: 0,
            count: 0,
        }
    }

    /// The next id; the clock may step back, the ids of one source do not.
    pub fn next(&mut self) -> Box<str> {
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        self.next_at(now)
    }

    fn next_at(&mut self, now_ms: u64) -> Box<str> {
        self.last_ms = self.last_ms.max(now_ms & ((1 << 48) - 1));
        self.count = self.count.wrapping_add(1);
        if self.count == 0 {
            self.last_ms += 1;
        }
        crockford(
            u128::from(self.last_ms) << 80 | u128::from(self.count) << 48 | u128::from(self.source),
        )
    }
}

impl Default for IdSource {
    fn default() -> Self {
        Self::new()
    }
}

fn crockford(bits: u128) -> Box<str> {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digits: [u8; 26] =
        std::array::from_fn(|at| DIGITS[(bits >> ((25 - at) * 5)) as usize & 31]);
    str::from_utf8(&digits).unwrap_or_default().into()
}

/// The ids of the last [`REMEMBERED`], as keyed 64-bit hashes in two generations: the chance that
/// a new id meets another's hash is below one in 10^12 even when both are full.
#[derive(Debug)]
pub struct Seen {
    keys: RandomState,
    young: FxHashSet<u64>,
    old: FxHashSet<u64>,
    turned: Instant,
    generation: usize,
}

impl Seen {
    pub fn new(now: Instant) -> Self {
        Self::with_generation(now, GENERATION)
    }

    fn with_generation(now: Instant, generation: usize) -> Self {
        Self {
            keys: RandomState::new(),
            young: FxHashSet::default(),
            old: FxHashSet::default(),
            turned: now,
            generation,
        }
    }

    /// Remembers `id`; `false` when it was seen already.
    pub fn insert(&mut self, id: &str, now: Instant) -> bool {
        self.forget(now);
        let key = self.keys.hash_one(id);
        !self.old.contains(&key) && self.young.insert(key)
    }

    fn forget(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.turned);
        if age >= REMEMBERED || self.young.len() >= self.generation {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.young.shrink_to(self.old.len());
            if age >= 2 * REMEMBERED {
                self.old.clear();
            }
            self.turned = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_sort_in_the_order_they_were_made_even_when_the_clock_steps_back() {
        let mut source = IdSource::from_parts(7);
        let made: Vec<_> = [1_000, 1_000, 1_001, 900, 1_001, 2_000]
            .map(|now| source.next_at(now))
            .into();
        let mut sorted = made.clone();
        sorted.sort();
        assert_eq!(made, sorted);
        assert!(made.iter().all(|id| id.len() == 26));
    }

    #[test]
    fn a_wrapped_count_still_sorts() {
        let mut source = IdSource::from_parts(7);
        source.count = u32::MAX - 1;
        let last = source.next_at(5);
        assert!(source.next_at(5) > last);
    }

    #[test]
    fn two_sources_never_make_the_same_id() {
        let (mut a, mut b) = (IdSource::new(), IdSource::new());
        let all: HashSet<_> = (0..1_000).flat_map(|_| [a.next(), b.next()]).collect();
        assert_eq!(all.len(), 2_000);
    }

    #[test]
    fn an_id_is_remembered_for_its_time_and_then_forgotten() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut seen = Seen::new(start);
        assert!(seen.insert("a", at(50)));
        assert!(!seen.insert("a", at(109)));
        assert!(seen.insert("b", at(115)));
        assert!(seen.insert("a", at(171)), "forgotten after two turns");
        assert!(!seen.insert("b", at(172)));
    }

    #[test]
    fn after_a_long_silence_nothing_is_remembered() {
        let start = Instant::now();
        let mut seen = Seen::new(start);
        assert!(seen.insert("a", start));
        assert!(seen.insert("a", start + 2 * REMEMBERED));
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut seen = Seen::with_generation(start, 100);
        for n in 0..10_000 {
            assert!(seen.insert(&n.to_string(), start));
            assert!(seen.young.len() + seen.old.len() <= 201);
        }
        assert!(!seen.insert("9999", start));
    }
}
