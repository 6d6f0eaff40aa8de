//! Whether a generation may be asked: probation, tripping and back-off. Shared by all workers.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::config::PluginConfig;

/// The back-off doubles up to this many times the window.
const LONGEST_BACK_OFF: u64 = 32;

/// What the settings say about failing plugins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    burst: usize,
    window_ms: u64,
    probation_ms: u64,
    probation_calls: u64,
}

impl Tolerance {
    pub(super) fn new(config: &PluginConfig) -> Self {
        let ms = |duration: Duration| duration.as_millis() as u64;
        Self {
            burst: config.burst.max(1) as usize,
            window_ms: ms(config.burst_window).max(1),
            probation_ms: ms(config.probation),
            probation_calls: config.probation_calls,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// The one before stays warm and repeats what fails.
    Probation,
    Serving,
    /// Failed its probation: never asked again.
    RolledBack,
}

/// What a fault led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    Counted,
    Tripped { for_ms: u64 },
    RolledBack,
}

pub(super) struct Health {
    tolerance: Tolerance,
    phase: AtomicU8,
    since_ms: u64,
    calls: AtomicU64,
    /// Calls are refused until then; 0 = they are not. The first after it is a trial that moves
    /// it on.
    closed_until_ms: AtomicU64,
    faults: Mutex<Faults>,
}

/// Leave to make one call. Dropped before it is said what that came to, a trial is the next call's.
pub(super) struct Turn<'a> {
    health: &'a Health,
    trial: Option<Trial>,
}

/// A call let through while tripped, and what was before it.
struct Trial {
    closed_before_ms: u64,
    back_off_before_ms: u64,
    closed_until_ms: u64,
}

impl<'a> Turn<'a> {
    fn new(health: &'a Health, trial: Option<Trial>) -> Self {
        Self { health, trial }
    }

    /// The call was answered.
    pub(super) fn succeeded(mut self) {
        self.trial = None;
        self.health.succeeded();
    }

    /// The call had no answer.
    pub(super) fn failed(mut self, now_ms: u64) -> Consequence {
        self.trial = None;
        self.health.failed(now_ms)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(trial) = self.trial.take() {
            self.health.give_back(&trial);
        }
    }
}

#[derive(Default)]
struct Faults {
    at_ms: Vec<u64>,
    back_off_ms: u64,
}

impl Health {
    pub(super) fn new(tolerance: Tolerance, on_probation: bool, now_ms: u64) -> Self {
        let phase = if on_probation {
            Phase::Probation
        } else {
            Phase::Serving
        };
        Self {
            tolerance,
            phase: AtomicU8::new(phase as u8),
            since_ms: now_ms,
            calls: AtomicU64::new(0),
            closed_until_ms: AtomicU64::new(0),
            faults: Mutex::default(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Probation,
            1 => Phase::Serving,
            _ => Phase::RolledBack,
        }
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.closed_until_ms.load(Ordering::Relaxed) != 0
    }

    /// Leave to make a call; `None` = none may be made. While tripped, one call per back-off is let
    /// through.
    pub(super) fn turn(&self, now_ms: u64) -> Option<Turn<'_>> {
        let until = self.closed_until_ms.load(Ordering::Relaxed);
        if until == 0 {
            return Some(Turn::new(self, None));
        }
        if now_ms < until {
            return None;
        }
        let mut faults = self.faults();
        // Another worker may have taken the trial while this one waited.
        if self.closed_until_ms.load(Ordering::Relaxed) != until {
            return None;
        }
        let mut trial = Trial {
            closed_before_ms: until,
            back_off_before_ms: faults.back_off_ms,
            closed_until_ms: 0,
        };
        trial.closed_until_ms = now_ms + self.longer(&mut faults);
        self.closed_until_ms
            .store(trial.closed_until_ms, Ordering::Relaxed);
        Some(Turn::new(self, Some(trial)))
    }

    fn give_back(&self, trial: &Trial) {
        let mut faults = self.faults();
        // A call that began before the trip may have been answered meanwhile.
        if self.closed_until_ms.load(Ordering::Relaxed) == trial.closed_until_ms {
            faults.back_off_ms = trial.back_off_before_ms;
            self.closed_until_ms
                .store(trial.closed_before_ms, Ordering::Relaxed);
        }
    }

    /// A call was answered.
    fn succeeded(&self) {
        if self.phase() == Phase::Probation {
            let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
            if calls >= self.tolerance.probation_calls {
                self.promote();
            }
        }
        if self.is_tripped() {
            *self.faults() = Faults::default();
            self.closed_until_ms.store(0, Ordering::Relaxed);
        }
    }

    /// A call had no answer.
    fn failed(&self, now_ms: u64) -> Consequence {
        let mut faults = self.faults();
        let from = now_ms.saturating_sub(self.tolerance.window_ms);
        faults.at_ms.retain(|at| *at > from || from == 0);
        faults.at_ms.push(now_ms);
        let burst = faults.at_ms.len() >= self.tolerance.burst;
        if self.is_tripped() {
            // A failed trial; its back-off began when it was let through.
            return Consequence::Counted;
        }
        if !burst {
            return Consequence::Counted;
        }
        if self.change(Phase::Probation, Phase::RolledBack) {
            return Consequence::RolledBack;
        }
        let for_ms = self.longer(&mut faults);
        self.closed_until_ms
            .store(now_ms + for_ms, Ordering::Relaxed);
        Consequence::Tripped { for_ms }
    }

    /// Whether the probation is over by time; then it is serving.
    pub(super) fn try_promote(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= self.tolerance.probation_ms && self.promote()
    }

    /// Ends the probation now, because another generation takes over; it may have failed before.
    pub(super) fn conclude(&self) -> Phase {
        self.promote();
        self.phase()
    }

    fn promote(&self) -> bool {
        self.change(Phase::Probation, Phase::Serving)
    }

    fn change(&self, from: Phase, to: Phase) -> bool {
        self.phase
            .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// At least one window, so that trials add no fault to a window that is full.
    fn longer(&self, faults: &mut Faults) -> u64 {
        let window = self.tolerance.window_ms;
        faults.back_off_ms = (faults.back_off_ms * 2).clamp(window, window * LONGEST_BACK_OFF);
        faults.back_off_ms
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(on_probation: bool) -> Health {
        Health::new(Tolerance::new(&PluginConfig::default()), on_probation, 0)
    }

    #[test]
    fn three_faults_in_ten_seconds_trip() {
        let health = health(false);
        assert_eq!(health.failed(1), Consequence::Counted);
        assert_eq!(health.failed(2), Consequence::Counted);
        assert_eq!(health.failed(10_003), Consequence::Counted);
        assert_eq!(health.failed(10_004), Consequence::Counted);
        assert!(health.turn(10_005).is_some());
        assert_eq!(
            health.failed(10_005),
            Consequence::Tripped { for_ms: 10_000 }
        );
        assert!(health.turn(10_006).is_none());
        assert!(health.turn(20_004).is_none());
    }

    #[test]
    fn a_tripped_plugin_is_tried_once_per_back_off_which_doubles() {
        let health = health(false);
        for at in [1, 2, 3] {
            health.failed(at);
        }
        let trial = health.turn(10_003).expect("a trial");
        assert!(health.turn(10_003).is_none(), "one trial");
        assert_eq!(trial.failed(10_004), Consequence::Counted);
        assert!(health.turn(30_002).is_none());
        health.turn(30_003).expect("a trial").succeeded();
        assert!(!health.is_tripped());
        assert!(health.turn(30_004).is_some());
        assert_eq!(health.failed(30_005), Consequence::Counted);
    }

    #[test]
    fn a_trial_that_came_to_nothing_is_the_next_calls() {
        let health = health(false);
        for at in [1, 2, 3] {
            health.failed(at);
        }
        let trial = health.turn(10_003);
        assert!(trial.is_some() && health.turn(10_003).is_none());
        drop(trial);
        let again = health.turn(10_003).expect("a trial");
        assert_eq!(again.failed(10_003), Consequence::Counted);
        assert!(
            health.turn(30_002).is_none(),
            "the back-off has doubled once"
        );
        assert!(health.turn(30_003).is_some());
        let trial = health.turn(30_003).expect("it was given back");
        health.succeeded();
        drop(trial);
        assert!(!health.is_tripped(), "an answer from elsewhere counts");
    }

    #[test]
    fn a_candidate_is_rolled_back_once_and_never_promoted_after() {
        let health = health(true);
        assert_eq!(health.failed(1), Consequence::Counted);
        assert_eq!(health.failed(2), Consequence::Counted);
        assert_eq!(health.failed(3), Consequence::RolledBack);
        assert_eq!(health.phase(), Phase::RolledBack);
        assert!(!health.try_promote(40_000));
    }

    #[test]
    fn probation_ends_by_time_or_by_calls() {
        let by_time = health(true);
        assert!(!by_time.try_promote(29_999));
        assert!(by_time.try_promote(30_000));
        assert_eq!(by_time.phase(), Phase::Serving);
        let by_calls = health(true);
        for _ in 0..999 {
            by_calls.succeeded();
        }
        assert_eq!(by_calls.phase(), Phase::Probation);
        by_calls.succeeded();
        assert_eq!(by_calls.phase(), Phase::Serving);
    }
}
