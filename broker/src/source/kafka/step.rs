//! What one call of the mapper means for a partition. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::plugin::CallError;
use crate::publication::Draft;
use crate::source::mapping::{Failure, Fate, failure_of, is_passing};

/// The first wait before a failed record is tried again; doubled after it.
const BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A mapper that is not asked for a while, or whose next instance is being made.
const PASSING: Duration = Duration::from_millis(100);
/// A trap comes back almost surely: one more try, for those that memory or time made.
const CALL_RETRIES: u32 = 1;

/// How far a partition's first records are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// How often the first record has failed.
    pub failed: u32,
    /// So many records are mapped one by one, for a call with all of them failed.
    pub alone: usize,
}

impl Progress {
    /// Records of the next call.
    pub fn limit(self, batch: usize) -> usize {
        if self.failed > 0 || self.alone > 0 {
            1
        } else {
            batch
        }
    }

    /// `done` records are behind.
    fn after(self, done: usize) -> Self {
        Self {
            failed: if done > 0 { 0 } else { self.failed },
            alone: self.alone.saturating_sub(done),
        }
    }
}

/// How a partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Wait(Instant),
}

/// What is to be done about a batch.
#[derive(Debug)]
pub(super) struct Step {
    pub publish: Vec<Draft>,
    /// Records that failed for good, by their place.
    pub failed: Vec<(usize, Failure)>,
    pub skipped: usize,
    /// Records dealt with, from the first; the others come again.
    pub done: usize,
    pub progress: Progress,
    pub then: Then,
    /// The next call tries a failed record again.
    pub retries: bool,
}

/// Judges the answer to a call with `records` records, of which each may be tried again `retries`
/// times.
pub(super) fn judge(
    answer: Result<Vec<Fate>, CallError>,
    records: usize,
    progress: Progress,
    retries: u32,
    now: Instant,
) -> Step {
    let mut step = Step {
        publish: Vec::new(),
        failed: Vec::new(),
        skipped: 0,
        done: 0,
        progress,
        then: Then::GoOn,
        retries: false,
    };
    let (fates, most) = match answer {
        Ok(fates) => (fates, retries),
        Err(error) if is_passing(error) => {
            step.then = Then::Wait(now + PASSING);
            return step;
        }
        Err(_) if records > 1 => {
            step.progress.alone = records;
            return step;
        }
        Err(error) => {
            let fates = vec![Fate::Fail(failure_of(error))];
            (fates, retries.min(CALL_RETRIES))
        }
    };
    for (at, fate) in fates.into_iter().enumerate() {
        match fate {
            Fate::Publish(drafts) => step.publish.extend(drafts),
            Fate::Skip(_) => step.skipped += 1,
            Fate::Fail(failure) => {
                let failed = if at == 0 { progress.failed } else { 0 };
                if failure.retryable && failed < most {
                    step.progress = progress.after(at);
                    step.progress.failed = failed + 1;
                    step.then = Then::Wait(now + backoff(failed));
                    step.retries = true;
                    return step;
                }
                step.failed.push((at, failure));
            }
        }
        step.done = at + 1;
    }
    step.progress = progress.after(step.done);
    step
}

fn backoff(failed: u32) -> Duration {
    BACKOFF
        .saturating_mul(1 << failed.min(16))
        .min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(retryable: bool) -> Fate {
        Fate::Fail(Failure {
            code: "c".to_owned(),
            message: "m".to_owned(),
            retryable,
        })
    }

    fn skip() -> Fate {
        Fate::Skip(String::new())
    }

    #[test]
    fn a_failed_record_stops_the_batch_until_its_retries_are_used_up() {
        let now = Instant::now();
        let mut progress = Progress::default();
        let step = judge(Ok(vec![skip(), fail(true), skip()]), 3, progress, 2, now);
        assert_eq!((step.done, step.retries), (1, true));
        assert_eq!(step.then, Then::Wait(now + BACKOFF));
        progress = step.progress;
        assert_eq!((progress.failed, progress.limit(100)), (1, 1));

        let step = judge(Ok(vec![fail(true)]), 1, progress, 2, now);
        assert_eq!((step.done, step.then), (0, Then::Wait(now + 2 * BACKOFF)));
        let step = judge(Ok(vec![fail(true)]), 1, step.progress, 2, now);
        assert_eq!(
            (step.done, step.failed.len(), step.then),
            (1, 1, Then::GoOn)
        );
        assert_eq!(step.progress, Progress::default());
    }

    #[test]
    fn what_is_not_retryable_delays_nobody() {
        let fates = vec![fail(false), skip(), fail(false)];
        let step = judge(Ok(fates), 3, Progress::default(), 5, Instant::now());
        let failed: Vec<_> = step.failed.iter().map(|(at, _)| *at).collect();
        assert_eq!((step.done, step.skipped, failed), (3, 1, vec![0, 2]));
        assert_eq!(step.then, Then::GoOn);
    }

    #[test]
    fn a_call_that_failed_is_made_again_one_by_one_and_the_culprit_once_more() {
        let now = Instant::now();
        let trapped = || Err(CallError::Trapped);
        let step = judge(trapped(), 3, Progress::default(), 5, now);
        assert_eq!((step.done, step.then), (0, Then::GoOn));
        assert_eq!((step.progress.alone, step.progress.limit(100)), (3, 1));
        let step = judge(Ok(vec![skip()]), 1, step.progress, 5, now);
        assert_eq!((step.done, step.progress.alone), (1, 2));
        let step = judge(trapped(), 1, step.progress, 5, now);
        assert_eq!((step.done, step.retries), (0, true));
        let step = judge(trapped(), 1, step.progress, 5, now);
        assert_eq!(step.failed[0].1.code, "mapper-trapped");
        assert_eq!((step.done, step.progress.alone), (1, 1));

        let none = judge(trapped(), 1, Progress::default(), 0, now);
        assert_eq!((none.done, none.failed.len()), (1, 1));
    }

    #[test]
    fn a_mapper_that_is_not_asked_for_a_while_is_waited_for_and_no_record_blamed() {
        let now = Instant::now();
        for error in [CallError::Tripped, CallError::Restarting] {
            for records in [1, 7] {
                let step = judge(Err(error), records, Progress::default(), 0, now);
                assert_eq!((step.done, step.progress), (0, Progress::default()));
                assert_eq!(step.then, Then::Wait(now + PASSING));
            }
        }
    }
}
