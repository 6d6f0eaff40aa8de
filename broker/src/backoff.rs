//! Waits between attempts to begin again: doubled, jittered, between two bounds.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(min: Duration, max: Duration) -> Self {
        Self {
            min,
            max,
            next: min,
        }
    }

    /// The next wait: between half of and the whole step, so that the nodes that lost one server
    /// do not come back as one.
    pub fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.max);
        // A keyed hash with a fresh key is random enough to spread nodes.
        let fraction = (RandomState::new().hash_one(0_u8) >> 11) as f64 / (1_u64 << 53) as f64;
        step / 2 + (step / 2).mul_f64(fraction)
    }

    /// A connection lasted this long. One that was cut at once is no reason to hurry.
    pub fn lasted(&mut self, connected: Duration) {
        if connected >= self.max {
            self.next = self.min;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_maximum_and_start_over_after_a_good_connection() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(min, max);
        for step in [100, 200, 400, 800, 1_000, 1_000] {
            let step = Duration::from_millis(step);
            let wait = backoff.wait();
            assert!(wait >= step / 2 && wait <= step, "{wait:?} of {step:?}");
        }
        backoff.lasted(max / 2);
        assert!(backoff.wait() >= max / 2);
        backoff.lasted(max);
        assert!(backoff.wait() <= min);
    }
}
