//! The plugin that admits: the generation that serves, and the one before while that is on
//! probation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::pool::NoAnswer;
use crate::plugin::bindings::admission::exports::tidegate::admission::admission::Verdict;
use crate::plugin::bindings::imports::tidegate::types::errors::Error as Refusal;
use crate::plugin::clock;
use crate::plugin::error::CallError;
use crate::plugin::generation::{Generation, Lane};
use crate::plugin::health::Phase;
use crate::plugin::instance::Fault;
use crate::plugin::remembered::Origin;
use crate::plugin::report::Reporter;

use super::admission::NotAdmitted;

/// Longer texts are malformed: they go to clients.
const CODE_BYTES: usize = 64;
const MESSAGE_BYTES: usize = 1_024;
const DATA_BYTES: usize = 4_096;

/// What the plugin said.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) outcome: Result<(), NotAdmitted>,
    pub(super) remember: Duration,
    /// It was no answer but an error of the plugin's own.
    pub(super) failed: bool,
}

impl Answer {
    pub(super) fn new(told: Result<Verdict, Refusal>) -> Result<Self, Fault> {
        let (refusal, remember_ms, failed) = match told {
            Ok(verdict) if verdict.admit => (None, verdict.remember_ms, false),
            Ok(verdict) => {
                let refusal = NotAdmitted {
                    code: verdict.code,
                    message: verdict.message,
                    retryable: verdict.retryable,
                    data: verdict.data,
                };
                (Some(refusal), verdict.remember_ms, false)
            }
            Err(error) => {
                let refusal = NotAdmitted {
                    code: error.code,
                    message: error.message,
                    retryable: error.retryable,
                    data: None,
                };
                (Some(refusal), 0, true)
            }
        };
        Ok(Self {
            outcome: match refusal {
                None => Ok(()),
                Some(refusal) => Err(checked(refusal)?),
            },
            remember: Duration::from_millis(remember_ms.into()),
            failed,
        })
    }
}

fn checked(refusal: NotAdmitted) -> Result<NotAdmitted, Fault> {
    let data = refusal.data.as_deref().unwrap_or("null");
    let lengths = [
        ("the code", refusal.code.len(), CODE_BYTES),
        ("the message", refusal.message.len(), MESSAGE_BYTES),
        ("the data", data.len(), DATA_BYTES),
    ];
    if let Some((what, length, most)) = lengths.into_iter().find(|(_, length, most)| length > most)
    {
        return Err(malformed(format!(
            "{what} has {length} bytes, at most {most} are taken"
        )));
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(data) {
        return Err(malformed(format!("the data is no JSON: {error}")));
    }
    Ok(refusal)
}

fn malformed(detail: String) -> Fault {
    Fault {
        kind: CallError::Malformed,
        detail,
    }
}

pub(in crate::plugin) struct IoSeat {
    places: Mutex<Places>,
    reporter: Reporter,
}

#[derive(Clone)]
struct Places {
    current: Arc<Generation>,
    previous: Option<Arc<Generation>>,
}

impl IoSeat {
    pub(in crate::plugin) fn new(generation: Arc<Generation>, reporter: Reporter) -> Self {
        Self {
            places: Mutex::new(Places {
                current: generation,
                previous: None,
            }),
            reporter,
        }
    }

    /// What was remembered from another generation is void.
    pub(super) fn serves(&self, origin: Origin) -> bool {
        self.places().current.origin == origin
    }

    /// Asks the serving generation; a candidate's failure is made good by the one before.
    /// Returns which generation answered.
    pub(super) async fn admit(
        &self,
        until: Instant,
        subject: &str,
        scopes: &str,
        transport: &str,
    ) -> Result<(Origin, Answer), CallError> {
        let Places { current, previous } = self.places().clone();
        let phase = current.health(Lane::Io).phase();
        match (previous, phase) {
            (None, _) | (_, Phase::Serving) => {
                self.ask(&current, until, subject, scopes, transport).await
            }
            (Some(previous), Phase::RolledBack) => {
                self.ask(&previous, until, subject, scopes, transport).await
            }
            (Some(previous), Phase::Probation) => {
                match self.ask(&current, until, subject, scopes, transport).await {
                    Ok(answer) => Ok(answer),
                    Err(_) => self.ask(&previous, until, subject, scopes, transport).await,
                }
            }
        }
    }

    async fn ask(
        &self,
        generation: &Arc<Generation>,
        until: Instant,
        subject: &str,
        scopes: &str,
        transport: &str,
    ) -> Result<(Origin, Answer), CallError> {
        let tally = &self.reporter.tally;
        let health = generation.health(Lane::Io);
        let pool = generation.pool.as_ref().ok_or(CallError::NotConfigured)?;
        if !health.admits(clock::coarse_ms()) {
            tally.refused.one_of_many();
            return Err(CallError::Tripped);
        }
        tally.calls.one_of_many();
        let answer = pool.admit(until, subject, scopes, transport).await;
        let now_ms = clock::coarse_ms();
        match answer {
            Ok(answer) => {
                health.succeeded();
                if answer.outcome.is_err() && !answer.failed {
                    tally.denials.one_of_many();
                }
                Ok((generation.origin, answer))
            }
            Err(no_answer) => {
                match &no_answer {
                    NoAnswer::NoInstance => tally.refused.one_of_many(),
                    NoAnswer::Fault(fault) => {
                        let consequence = health.failed(now_ms);
                        self.reporter.report(generation, fault, consequence);
                    }
                }
                Err(no_answer.kind())
            }
        }
    }

    pub(super) fn count_remembered(&self) {
        self.reporter.tally.remembered.one_of_many();
    }

    /// Calls under way end on the generation that they began on.
    pub(in crate::plugin) fn switch(&self, generation: Arc<Generation>) {
        let mut places = self.places();
        let current = std::mem::replace(&mut places.current, generation);
        if current.phase() != Phase::RolledBack {
            places.previous = Some(current);
        }
    }

    pub(in crate::plugin) fn roll_back(&self, failed: Origin) {
        let mut places = self.places();
        if places.current.origin == failed
            && let Some(previous) = places.previous.take()
        {
            places.current = previous;
        }
    }

    /// This one has passed its probation: lets the one before go.
    pub(in crate::plugin) fn keep(&self, passed: Origin) {
        let mut places = self.places();
        if places.current.origin == passed {
            places.previous = None;
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
