use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tenths of a second since the worker began; what deadlines are kept in. 0 = none.
pub type Tick = u32;

/// The worker's coarse time, moved once per turn instead of asked once per message.
#[derive(Debug)]
pub struct WorkerClock {
    start: Instant,
    now: Cell<Tick>,
}

impl WorkerClock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            now: Cell::new(1),
        }
    }

    /// Reads the clock anew.
    pub fn advance(&self) -> Tick {
        // Tick 0 means "none", so time starts at 1.
        let tick = 1 + self.start.elapsed().as_millis() / 100;
        let tick = Tick::try_from(tick).unwrap_or(Tick::MAX);
        self.now.set(tick);
        tick
    }

    pub fn now(&self) -> Tick {
        self.now.get()
    }

    /// The first tick at which `after` has surely passed: `now` may be almost a tick old.
    pub fn after(&self, after: Duration) -> Tick {
        self.now().saturating_add(ticks(after)).saturating_add(1)
    }

    /// The tick at which a time in seconds since 1970 has passed.
    pub fn at_unix(&self, seconds: u64) -> Tick {
        let now = unix_now();
        let left = Duration::from_secs(seconds).saturating_sub(now);
        self.after(left)
    }
}

/// `duration` in ticks, rounded up.
pub fn ticks(duration: Duration) -> Tick {
    Tick::try_from(duration.as_millis().div_ceil(100)).unwrap_or(Tick::MAX)
}

/// Time since 1970.
pub fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Whether a time in seconds since 1970 (0 = never) has come.
pub fn is_past(seconds: u64) -> bool {
    seconds != 0 && unix_now().as_secs() >= seconds
}
