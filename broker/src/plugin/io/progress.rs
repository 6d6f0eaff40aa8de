//! Whether a call can be given up when its caller leaves: only until it has acted. Half of what it
//! does would be worse than none or all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const ACTED: u8 = 1;
const LEFT: u8 = 2;

/// Of one call; a clone is the same.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU8>);

impl Progress {
    /// The call is about to do something that shows outside. `false` = it must not: its caller left
    /// before, and it is being ended.
    pub(super) fn act(&self) -> bool {
        let acts = |state: u8| (state != LEFT).then_some(state | ACTED);
        let (set, fetch) = (Ordering::AcqRel, Ordering::Acquire);
        self.0.fetch_update(set, fetch, acts).is_ok()
    }

    /// The caller leaves. Returns whether the call is to be ended; else it runs on alone.
    pub(super) fn leave(&self) -> bool {
        self.0.fetch_or(LEFT, Ordering::AcqRel) & ACTED == 0
    }

    /// Something was, or may have been, done: whoever makes the call again does it twice.
    pub(super) fn has_acted(&self) -> bool {
        self.0.load(Ordering::Acquire) & ACTED != 0
    }

    /// Somebody takes the answer.
    pub(super) fn has_caller(&self) -> bool {
        self.0.load(Ordering::Acquire) & LEFT == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_given_up_only_before_it_acts() {
        let left = Progress::default();
        assert!(left.leave());
        assert!(!left.act(), "it is being ended");
        assert!(!left.has_acted() && !left.has_caller());
        let acted = Progress::default();
        assert!(acted.act() && acted.has_caller());
        assert!(!acted.leave(), "it runs on");
        assert!(acted.act(), "to its end");
        assert!(acted.has_acted() && !acted.has_caller());
    }
}
