//! What a thread counts per plugin, without sharing a cache line with other workers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls are counted by one thread, on the I/O engine by many; read by whoever wants the sum.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Tally {
    pub(super) calls: Count,
    pub(super) traps: Count,
    pub(super) timeouts: Count,
    pub(super) malformed: Count,
    pub(super) refused: Count,
    pub(super) denials: Count,
    pub(super) remembered: Count,
}

#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// A plain load and store, for a count with one writer.
    pub(super) fn one_more(&self) {
        self.0
            .store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn one_of_many(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
