//! Where the hooks that wait of one plugin are called: the generation that serves, and the one
//! before while that is on probation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::answers::{Admitted, Reply};
use super::handler::{CallRefused, Invocation};
use super::pool::{self, NoAnswer, Pool};
use super::sessions::CookieChange;
use super::transport::Transport;
use crate::plugin::clock;
use crate::plugin::error::CallError;
use crate::plugin::generation::{Generation, Lane};
use crate::plugin::health::{Phase, Turn};
use crate::plugin::remembered::Origin;
use crate::plugin::report::Reporter;

/// Whom an admission is about.
#[derive(Clone, Copy)]
pub(super) struct Visitor<'a> {
    pub(super) subject: &'a str,
    pub(super) scopes: &'a str,
    pub(super) transport: Transport,
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

/// Who is asked.
struct Order {
    first: Arc<Generation>,
    /// Makes good what the first, a candidate, fails on.
    then: Option<Arc<Generation>>,
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

    /// Asks the serving generation; a candidate's failure is made good by the one before, unless
    /// the candidate has acted or used up the time. Returns which generation answered.
    pub(super) async fn admit(
        &self,
        until: Instant,
        visitor: Visitor<'_>,
    ) -> Result<(Origin, Admitted), CallError> {
        let Order { first, then } = self.order();
        let answer = match (self.admit_on(&first, until, visitor).await, then) {
            (Err(failed), Some(previous)) if !failed.has_acted() && pool::is_in_time(until) => {
                self.admit_on(&previous, until, visitor).await
            }
            (answer, _) => answer,
        };
        answer.map_err(|no_answer| no_answer.kind())
    }

    async fn admit_on(
        &self,
        generation: &Arc<Generation>,
        until: Instant,
        visitor: Visitor<'_>,
    ) -> Result<(Origin, Admitted), NoAnswer> {
        let (pool, turn) = self.pool(generation)?;
        let answer = pool.admit(until, visitor).await;
        let answer = self.settle(generation, turn, answer)?;
        if answer.outcome.is_err() && !answer.failed {
            self.reporter.tally.denials.one_of_many();
        }
        Ok((generation.origin, answer))
    }

    /// Like [`Self::admit`]. The cookie changes even if there is no answer.
    pub(super) async fn handle(
        &self,
        invocation: &Invocation,
    ) -> (Result<Reply, CallError>, CookieChange) {
        let call = &invocation.call;
        let Order { first, then } = self.order();
        let takes = |generation: &Generation| {
            call.caller.transport == Transport::Http || !generation.is_http_only(call.own_method())
        };
        if !takes(&first) {
            let refusal = CallRefused::needs_http(&call.method);
            return (Ok(Err(refusal)), CookieChange::Keep);
        }
        let answer = match (self.handle_on(&first, invocation).await, then) {
            (Err(failed), Some(previous))
                if !failed.has_acted()
                    && takes(&previous)
                    && pool::is_in_time(invocation.until) =>
            {
                self.handle_on(&previous, invocation).await
            }
            (answer, _) => answer,
        };
        match answer {
            Ok((reply, cookie)) => (Ok(reply), cookie),
            Err(no_answer) => (Err(no_answer.kind()), no_answer.into_cookie()),
        }
    }

    async fn handle_on(
        &self,
        generation: &Arc<Generation>,
        invocation: &Invocation,
    ) -> Result<(Reply, CookieChange), NoAnswer> {
        let (pool, turn) = self.pool(generation)?;
        let answer = pool.handle(invocation).await;
        self.settle(generation, turn, answer)
    }

    fn order(&self) -> Order {
        let Places { current, previous } = self.places().clone();
        let phase = current.health(Lane::Io).phase();
        match (previous, phase) {
            (None, _) | (_, Phase::Serving) => Order {
                first: current,
                then: None,
            },
            (Some(previous), Phase::RolledBack) => Order {
                first: previous,
                then: None,
            },
            (previous, Phase::Probation) => Order {
                first: current,
                then: previous,
            },
        }
    }

    /// Where a call is to be made, if one may be made; it is counted.
    fn pool<'a>(&self, generation: &'a Generation) -> Result<(&'a Arc<Pool>, Turn<'a>), NoAnswer> {
        let tally = &self.reporter.tally;
        let pool = generation.pool.as_ref();
        let pool = pool.ok_or(NoAnswer::NotAsked(CallError::NotConfigured))?;
        let Some(turn) = generation.health(Lane::Io).turn(clock::coarse_ms()) else {
            tally.refused.one_of_many();
            return Err(NoAnswer::NotAsked(CallError::Tripped));
        };
        tally.calls.one_of_many();
        Ok((pool, turn))
    }

    /// What a call came to is the generation's health.
    fn settle<R>(
        &self,
        generation: &Arc<Generation>,
        turn: Turn<'_>,
        answer: Result<R, NoAnswer>,
    ) -> Result<R, NoAnswer> {
        match &answer {
            Ok(_) => turn.succeeded(),
            Err(NoAnswer::Fault { fault, .. }) => {
                let consequence = turn.failed(clock::coarse_ms());
                self.reporter.report(generation, fault, consequence);
            }
            Err(NoAnswer::NotAsked(_)) => self.reporter.tally.refused.one_of_many(),
        }
        answer
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
