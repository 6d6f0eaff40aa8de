//! A call's share of CPU time.
//!
//! On the sync engine a call has its thread to itself, so the thread's CPU time is the call's. On
//! the I/O engine calls share threads and wait in between: there a call gives way to the others at
//! each tick and is charged one for it.

use std::time::Duration;

use wasmtime::UpdateDeadline;

use super::clock;
use super::ticks::{TICK, Ticks};

pub(super) struct Deadline {
    ticks: Ticks,
    allowed: Duration,
    measure: Measure,
}

#[derive(Clone, Copy)]
enum Measure {
    /// Thread CPU time, not wall time: a thread that is descheduled is not the plugin's fault.
    /// The clock is first read at the first tick of a call, so that a call which ends before
    /// makes no system call; a call may therefore use up to one tick more than allowed.
    Thread { since: Option<Duration> },
    /// Ticks at which the call was found running.
    Turns { used: u32 },
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
            measure: Measure::Thread { since: None },
        }
    }

    /// For calls that are polled on a runtime.
    pub(super) fn in_turns(ticks: Ticks, allowed: Duration) -> Self {
        Self {
            ticks,
            allowed,
            measure: Measure::Turns { used: 0 },
        }
    }

    /// A call begins; it may use `allowed`.
    pub(super) fn start(&mut self, allowed: Duration) {
        self.allowed = allowed;
        match &mut self.measure {
            Measure::Thread { since } => *since = None,
            Measure::Turns { used } => *used = 0,
        }
        self.ticks.keep();
    }

    /// The engine's clock has ticked during a call.
    pub(super) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.ticks.keep();
        let (used, next) = match &mut self.measure {
            Measure::Thread { since } => {
                let now = clock::thread_cpu();
                let since = *since.get_or_insert(now);
                (now.saturating_sub(since), UpdateDeadline::Continue(1))
            }
            Measure::Turns { used } => {
                *used += 1;
                (TICK * *used, UpdateDeadline::Yield(1))
            }
        };
        if used >= self.allowed {
            return Err(wasmtime::Error::new(TimedOut(self.allowed)));
        }
        Ok(next)
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
