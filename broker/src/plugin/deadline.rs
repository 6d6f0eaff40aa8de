//! A call's share of CPU time.

use std::time::Duration;

use wasmtime::UpdateDeadline;

use super::clock;
use super::ticks::Ticks;

/// Counts thread CPU time, not wall time: a thread that is descheduled is not the plugin's
/// fault. The clock is first read at the first tick of a call, so that a call which ends before
/// makes no system call; a call may therefore use up to one tick more than allowed.
pub(super) struct Deadline {
    ticks: Ticks,
    allowed: Duration,
    /// Thread CPU time at the call's first tick.
    since: Option<Duration>,
}

/// A guest was interrupted for using up its CPU time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("used up its {} ms of CPU time", .0.as_millis())]
pub(super) struct TimedOut(pub(super) Duration);

impl Deadline {
    pub(super) fn new(ticks: Ticks, allowed: Duration) -> Self {
        Self {
            ticks,
            allowed,
            since: None,
        }
    }

    /// A call begins; it may use `allowed`.
    pub(super) fn start(&mut self, allowed: Duration) {
        self.allowed = allowed;
        self.since = None;
        self.ticks.keep();
    }

    /// The engine's clock has ticked during a call.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.ticks.keep();
        let now = clock::thread_cpu();
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) >= self.allowed {
            return Err(wasmtime::Error::new(TimedOut(self.allowed)));
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(allowed: Duration) -> Deadline {
        let engine = wasmtime::Engine::default();
        let ticks = Ticks::start(engine.weak()).expect("a thread");
        Deadline::new(ticks, allowed)
    }

    #[test]
    fn a_thread_that_does_not_run_uses_nothing() {
        let mut deadline = deadline(Duration::from_millis(5));
        assert!(deadline.tick().is_ok());
        std::thread::sleep(Duration::from_millis(20));
        assert!(deadline.tick().is_ok(), "the thread slept");
    }

    #[test]
    fn a_thread_that_runs_is_stopped_and_a_new_call_starts_afresh() {
        let allowed = Duration::from_millis(5);
        let mut deadline = deadline(allowed);
        let begun = clock::thread_cpu();
        assert!(deadline.tick().is_ok());
        while clock::thread_cpu() - begun < 2 * allowed {}
        let error = deadline.tick().err().expect("its time is up");
        assert!(error.is::<TimedOut>(), "{error}");
        deadline.start(allowed);
        assert!(deadline.tick().is_ok());
    }
}
