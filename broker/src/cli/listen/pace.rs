//! When to ping and when to come back.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(120);
const PING: Duration = Duration::from_secs(240);

/// Waits that double, with jitter, so that a crowd does not come back as one.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST);
        wait.mul_f64(0.5 + random_fraction())
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Clients ping every 4 to 5 minutes.
pub(super) fn until_ping() -> Duration {
    PING.mul_f64(1.0 + random_fraction() / 4.0)
}

fn random_fraction() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_minutes_and_start_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12).map(|_| backoff.next().as_secs_f64()).collect();
        for (round, wait) in waits.iter().enumerate() {
            let middle = 2_f64.powi(round as i32).min(120.0);
            assert!(
                (middle * 0.5..=middle * 1.5).contains(wait),
                "{round}: {wait}"
            );
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(1_500));
        assert!((240.0..=300.0).contains(&until_ping().as_secs_f64()));
    }
}
