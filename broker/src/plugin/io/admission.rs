//! Whether somebody may stay: asked once for all that ask at the same time, remembered, bounded.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tokio::sync::watch;
use tokio::time::Instant;

use super::IoPlugins;
use super::remembered::{Book, Key, Known, Outcome};
use super::seat::{IoSeat, Visitor};
use super::transport::Transport;
use crate::plugin::clock;
use crate::plugin::config::AdmissionLimits;
use crate::plugin::error::CallError;
use crate::plugin::remembered::Origin;

/// Why somebody may not stay; all of it is for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAdmitted {
    /// A stable kebab-case word: the plugin's, or `overloaded`, or `unavailable`.
    pub code: String,
    pub message: String,
    /// Whether to come back later.
    pub retryable: bool,
    /// More of the plugin's, JSON text.
    pub data: Option<String>,
}

impl NotAdmitted {
    fn overloaded() -> Self {
        Self {
            code: "overloaded".into(),
            message: "too many are being admitted now".into(),
            retryable: true,
            data: None,
        }
    }

    /// Nothing is told of what went wrong: that is the operator's, and in the log.
    fn unavailable() -> Self {
        Self {
            code: "unavailable".into(),
            message: "it cannot be found out now who may stay".into(),
            retryable: true,
            data: None,
        }
    }
}

/// Of the plugin that admits.
pub(in crate::plugin) struct Gate {
    seat: Arc<IoSeat>,
    limits: AdmissionLimits,
    book: Book,
    numbers: Numbers,
}

impl Gate {
    pub(in crate::plugin) fn new(seat: Arc<IoSeat>, limits: AdmissionLimits) -> Self {
        Self {
            seat,
            limits,
            book: Book::new(limits.remembered, limits.questions),
            numbers: Numbers::new(),
        }
    }
}

impl IoPlugins {
    /// The answer, if nobody need be asked for it. Does not wait.
    pub fn remembered_admission(
        &self,
        subject: &str,
        scopes: &str,
    ) -> Option<Result<(), NotAdmitted>> {
        let Some(gate) = &self.0.admission else {
            return Some(Ok(()));
        };
        let serves = |origin| gate.seat.serves(origin);
        let key = Key::new(subject, scopes);
        let answer = gate.book.answer(&key, clock::coarse_ms(), serves);
        answer.inspect(|_| gate.seat.count_remembered())
    }

    /// Whether this principal may stay, who has shown a valid token. Those who ask about the same
    /// subject and scopes at the same time wait for one answer, and it is remembered for as long
    /// as the plugin says (until it is replaced). Takes at most `plugins.admission_deadline`.
    /// Cancel-safe: the question goes on without who asked it.
    ///
    /// # Errors
    ///
    /// The plugin refuses, or there is no answer: then nobody is admitted, and may come back.
    pub async fn admit(
        &self,
        subject: &str,
        scopes: &str,
        transport: Transport,
    ) -> Result<(), NotAdmitted> {
        let Some(gate) = &self.0.admission else {
            return Ok(());
        };
        let key = Key::new(subject, scopes);
        let serves = |origin| gate.seat.serves(origin);
        let mut flight = match gate.book.look_up(&key, clock::coarse_ms(), serves) {
            Known::Answer(outcome) => {
                gate.seat.count_remembered();
                return outcome;
            }
            Known::Full => {
                gate.numbers.overloaded.increment(1);
                return Err(NotAdmitted::overloaded());
            }
            Known::Flight(flight) => flight,
            Known::Nothing(answer) => {
                let flight = answer.subscribe();
                let landing = Landing {
                    gate: gate.clone(),
                    key: Some(key),
                    answer,
                };
                let (subject, scopes) = (subject.to_owned(), scopes.to_owned());
                self.0
                    .runtime
                    .spawn(landing.ask(subject, scopes, transport));
                flight
            }
        };
        match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome
                .clone()
                .unwrap_or_else(|| Err(NotAdmitted::unavailable())),
            Err(_) => Err(NotAdmitted::unavailable()),
        }
    }
}

/// A question under way. However it ends, the next one may be asked.
struct Landing {
    gate: Arc<Gate>,
    /// Until it has landed.
    key: Option<Key>,
    answer: watch::Sender<Option<Outcome>>,
}

impl Landing {
    async fn ask(mut self, subject: String, scopes: String, transport: Transport) {
        let gate = self.gate.clone();
        let Gate {
            seat,
            limits,
            book,
            numbers,
            ..
        } = &*gate;
        let begun = Instant::now();
        let until = begun + limits.deadline;
        numbers.show(book);
        let visitor = Visitor {
            subject: &subject,
            scopes: &scopes,
            transport,
        };
        let outcome = match seat.admit(until, visitor).await {
            Ok((origin, answer)) => {
                match &answer.outcome {
                    Ok(()) => numbers.admitted.increment(1),
                    Err(_) if answer.failed => numbers.failed.increment(1),
                    Err(_) => numbers.refused.increment(1),
                }
                let kept = (origin, answer.outcome.clone(), answer.remember);
                self.land(Some(kept));
                answer.outcome
            }
            Err(CallError::Busy) => {
                numbers.overloaded.increment(1);
                Err(NotAdmitted::overloaded())
            }
            Err(_) => {
                numbers.failed.increment(1);
                Err(NotAdmitted::unavailable())
            }
        };
        numbers.seconds.record(begun.elapsed().as_secs_f64());
        // Before anybody hears it: whoever asks again then must not join this flight.
        self.land(None);
        self.answer.send_replace(Some(outcome));
    }

    /// Only the first time counts.
    fn land(&mut self, kept: Option<(Origin, Outcome, Duration)>) {
        if let Some(key) = self.key.take() {
            self.gate.book.land(&key, kept, clock::coarse_ms());
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.land(None);
        self.gate.numbers.show(&self.gate.book);
    }
}

struct Numbers {
    admitted: Counter,
    refused: Counter,
    failed: Counter,
    overloaded: Counter,
    waiting: Gauge,
    kept: Gauge,
    seconds: Histogram,
}

impl Numbers {
    fn new() -> Self {
        let outcome = |outcome: &'static str| counter!("tidegate_plugin_admissions_total", "outcome" => outcome);
        Self {
            admitted: outcome("admitted"),
            refused: outcome("refused"),
            failed: outcome("failed"),
            overloaded: outcome("overloaded"),
            waiting: gauge!("tidegate_plugin_admissions_waiting"),
            kept: gauge!("tidegate_plugin_admissions_kept"),
            seconds: histogram!("tidegate_plugin_admission_seconds"),
        }
    }

    fn show(&self, book: &Book) {
        let (waiting, kept) = book.counts();
        self.waiting.set(waiting as f64);
        self.kept.set(kept as f64);
    }
}
