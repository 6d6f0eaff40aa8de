//! A call's share of CPU time.

use std::time::Duration;

use wasmtime::UpdateDeadline;

use super::clock;

/// Counts thread CPU time, not wall time: a thread that is descheduled is not the plugin's
/// fault. The clock is first read at the first tick of a call, so that a call which ends before
/// makes no system call; a call may therefore use up to one tick more than allowed.
#[derive(Debug)]
pub(super) struct Deadline {
    allowed: Duration,
    /// Thread CPU time at the call's first tick.
    since: Option<Duration>,
}

/// A guest was interrupted for using up its CPU time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("used up its {} ms of CPU time", .0.as_millis())]
pub(super) struct TimedOut(pub(super) Duration);

impl Deadline {
    pub(super) fn new(allowed: Duration) -> Self {
        Self {
            allowed,
            since: None,
        }
    }

    /// A call begins; it may use `allowed`.
    pub(super) fn start(&mut self, allowed: Duration) {
        self.allowed = allowed;
        self.since = None;
    }

    /// The engine's clock has ticked during a call.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let now = clock::thread_cpu();
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) >= self.allowed {
            return Err(wasmtime::Error::new(TimedOut(self.allowed)));
        }
        Ok(UpdateDeadline::Continue(1))
    }
}
