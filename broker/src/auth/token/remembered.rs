//! Verified tokens by their hash.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use lru::LruCache;

use super::Revocations;
use crate::auth::Principal;

/// Workers look tokens up at the same time; a shard is held for one map operation.
const SHARDS: usize = 16;

type Hash = [u8; 32];

pub(crate) struct Remembered {
    shards: [Mutex<LruCache<Hash, Known>>; SHARDS],
    revocations: Arc<Revocations>,
}

struct Known {
    principal: Arc<Principal>,
    /// How many revocations there had been when it was last found to be none of them.
    asked: u64,
}

impl Remembered {
    /// Holds at most about `capacity` tokens.
    pub(crate) fn new(capacity: usize, revocations: Arc<Revocations>) -> Self {
        let capacity = NonZeroUsize::new(capacity.div_ceil(SHARDS)).unwrap_or(NonZeroUsize::MIN);
        Self {
            shards: std::array::from_fn(|_| Mutex::new(LruCache::sparse(capacity))),
            revocations,
        }
    }

    fn shard(&self, hash: &Hash) -> MutexGuard<'_, LruCache<Hash, Known>> {
        lock(&self.shards[usize::from(hash[0]) % SHARDS])
    }

    pub(crate) fn get(&self, token: &str, now: u64) -> Option<Arc<Principal>> {
        let hash = hash(token);
        let mut shard = self.shard(&hash);
        let known = shard.get_mut(&hash)?;
        let revocations = self.revocations.count();
        let refused = known.asked != revocations && self.revocations.covers(&known.principal);
        if refused || known.principal.expires_at <= now {
            shard.pop(&hash);
            return None;
        }
        known.asked = revocations;
        Some(known.principal.clone())
    }

    /// Remembers a verified token. `false`: it was revoked and is not remembered.
    pub(crate) fn insert(&self, token: &str, principal: &Arc<Principal>) -> bool {
        // Counted before it is asked about: a revocation in between is asked about by `get`.
        let asked = self.revocations.count();
        if self.revocations.covers(principal) {
            return false;
        }
        let hash = hash(token);
        let principal = principal.clone();
        self.shard(&hash).put(hash, Known { principal, asked });
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
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
