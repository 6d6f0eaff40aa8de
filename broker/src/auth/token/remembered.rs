//! Verified tokens by their hash, and sessions whose tokens are refused.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use lru::LruCache;

use crate::auth::Principal;

/// Workers look tokens up at the same time; a shard is held for one map operation.
const SHARDS: usize = 16;

/// Sessions ended within one token life that are kept; above it the oldest is forgotten, its
/// tokens then last until they expire.
const REVOKED_SESSIONS_MAX: usize = 1 << 20;

type Hash = [u8; 32];

pub(crate) struct Remembered {
    shards: [Mutex<LruCache<Hash, Arc<Principal>>>; SHARDS],
    revoked: Mutex<Revoked>,
    /// Seconds that a revocation is kept: no token made from the session lives longer.
    revocation_life: u64,
}

#[derive(Default)]
struct Revoked {
    sessions: HashSet<Arc<str>>,
    /// In the order of their end, for all are kept equally long.
    ends: VecDeque<(u64, Arc<str>)>,
}

impl Remembered {
    /// Holds at most about `capacity` tokens.
    pub(crate) fn new(capacity: usize, revocation_life: u64) -> Self {
        let capacity = NonZeroUsize::new(capacity.div_ceil(SHARDS)).unwrap_or(NonZeroUsize::MIN);
        Self {
            shards: std::array::from_fn(|_| Mutex::new(LruCache::sparse(capacity))),
            revoked: Mutex::default(),
            revocation_life,
        }
    }

    fn shard(&self, hash: &Hash) -> MutexGuard<'_, LruCache<Hash, Arc<Principal>>> {
        lock(&self.shards[usize::from(hash[0]) % SHARDS])
    }

    pub(crate) fn get(&self, token: &str, now: u64) -> Option<Arc<Principal>> {
        let hash = hash(token);
        let mut shard = self.shard(&hash);
        let principal = shard.get(&hash)?;
        if principal.expires_at <= now {
            shard.pop(&hash);
            return None;
        }
        Some(principal.clone())
    }

    /// Remembers a verified token. `false`: its session was revoked, it is not remembered.
    pub(crate) fn insert(&self, token: &str, principal: &Arc<Principal>) -> bool {
        let hash = hash(token);
        self.shard(&hash).put(hash, principal.clone());
        // After the insert, as `revoke` lists before it sweeps: one of the two sees the other.
        let revoked = principal.session_id.as_deref();
        if revoked.is_some_and(|sid| lock(&self.revoked).sessions.contains(sid)) {
            self.shard(&hash).pop(&hash);
            return false;
        }
        true
    }

    /// Forgets the tokens made from `sid` and refuses them for the life of a token.
    pub(crate) fn revoke(&self, sid: &str, now: u64) {
        lock(&self.revoked).add(sid, now, now.saturating_add(self.revocation_life));
        for shard in &self.shards {
            lock(shard).retain(|_, principal| principal.session_id.as_deref() != Some(sid));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl Revoked {
    fn add(&mut self, sid: &str, now: u64, end: u64) {
        while let Some((ends_at, _)) = self.ends.front()
            && (*ends_at <= now || self.ends.len() >= REVOKED_SESSIONS_MAX)
            && let Some((_, oldest)) = self.ends.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        let sid: Arc<str> = sid.into();
        if self.sessions.insert(sid.clone()) {
            self.ends.push_back((end, sid));
        }
    }
}

fn hash(token: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// No operation under these locks panics half-way, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
