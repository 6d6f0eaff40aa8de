//! What librdkafka complains about, said once in a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;
use tracing::{debug, warn};

/// While no broker answers, librdkafka says so many times a second, by two ways.
const QUIET: Duration = Duration::from_secs(10);

/// When each kind of error was last written to the log; there are as many as librdkafka has codes.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<Vec<(Option<RDKafkaErrorCode>, Instant)>>);

impl Troubles {
    /// Warns, or says it to those who look closely if the same was said within ten seconds.
    pub fn tell(&self, error: &KafkaError, reason: &str) {
        if self.is_news(error.rdkafka_error_code(), Instant::now()) {
            warn!(%error, reason, "kafka");
        } else {
            debug!(%error, reason, "kafka");
        }
    }

    fn is_news(&self, code: Option<RDKafkaErrorCode>, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.iter_mut().find(|(known, _)| *known == code) {
            Some((_, last)) if now.saturating_duration_since(*last) < QUIET => false,
            Some((_, last)) => {
                *last = now;
                true
            }
            None => {
                told.push((code, now));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_is_news_once_in_ten_seconds() {
        let troubles = Troubles::default();
        let start = Instant::now();
        let down = Some(RDKafkaErrorCode::AllBrokersDown);
        let resolve = Some(RDKafkaErrorCode::Resolve);
        assert!(troubles.is_news(down, start));
        assert!(!troubles.is_news(down, start + QUIET / 2));
        assert!(troubles.is_news(resolve, start + QUIET / 2));
        assert!(troubles.is_news(down, start + QUIET));
    }
}
