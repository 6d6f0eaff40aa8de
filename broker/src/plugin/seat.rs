//! One plugin on one thread (a worker, or the one that maps): the generation that serves, and the one before while that is on
//! probation.

use std::sync::Arc;
use std::time::Duration;

use super::error::CallError;
use super::generation::{Generation, Lane};
use super::health::Phase;
use super::instance::{Fault, Instance};
use super::mailbox::Post;
use super::nursery::Nursery;
use super::remembered::Origin;
use super::report::Reporter;
use super::tally::Tally;

/// Whether a call that fails on a candidate is made again on the generation before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    OnThePrevious,
    Never,
}

pub(super) struct Seat {
    current: Place,
    previous: Option<Place>,
    links: Links,
}

/// What a seat needs of the rest of the host.
pub(super) struct Links {
    /// Whose spares it takes.
    pub(super) owner: usize,
    pub(super) lane: Lane,
    pub(super) nursery: Nursery,
    pub(super) reporter: Reporter,
}

struct Place {
    generation: Arc<Generation>,
    instance: Option<Instance>,
    /// When a spare was last asked for while there was none.
    asked_ms: u64,
}

/// A spare that could not be made is asked for again after this long.
const ASK_AGAIN_MS: u64 = 1_000;

impl Seat {
    pub(super) fn new(generation: Arc<Generation>, instance: Instance, links: Links) -> Self {
        Self {
            current: Place::new(generation, instance),
            previous: None,
            links,
        }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.links.reporter.tally
    }

    /// The one that serves, or is on probation to serve.
    pub(super) fn generation(&self) -> &Generation {
        &self.current.generation
    }

    pub(super) fn serves(&self, origin: Origin) -> bool {
        self.current.generation.origin == origin
    }

    /// Calls the serving generation; a candidate's failure is made good by the one before.
    /// Returns which generation answered.
    pub(super) fn call<R>(
        &mut self,
        now_ms: u64,
        repeat: Repeat,
        mut call: impl FnMut(&mut Instance, Duration) -> Result<R, Fault>,
    ) -> Result<(Origin, R), CallError> {
        let links = &self.links;
        let phase = self.current.generation.health(links.lane).phase();
        match (&mut self.previous, phase) {
            (None, _) | (_, Phase::Serving) => self.current.ask(links, now_ms, &mut call),
            (Some(previous), Phase::RolledBack) => previous.ask(links, now_ms, &mut call),
            (Some(previous), Phase::Probation) => {
                let answer = self.current.ask(links, now_ms, &mut call);
                if answer.is_err() && repeat == Repeat::OnThePrevious {
                    previous.ask(links, now_ms, &mut call)
                } else {
                    answer
                }
            }
        }
    }

    /// Returns whether another generation serves from here on.
    pub(super) fn take_up(&mut self, post: Post) -> bool {
        match post {
            Post::Switch(generation, instance) => {
                let next = Place::new(generation, instance);
                let current = std::mem::replace(&mut self.current, next);
                let failed = current.generation.phase() == Phase::RolledBack;
                let retired = if failed && self.previous.is_some() {
                    Some(current)
                } else {
                    self.previous.replace(current)
                };
                self.bury(retired);
                true
            }
            Post::RollBack(origin) if self.serves(origin) => match self.previous.take() {
                Some(previous) => {
                    let failed = std::mem::replace(&mut self.current, previous);
                    self.bury(Some(failed));
                    true
                }
                None => false,
            },
            Post::Keep(origin) if self.serves(origin) => {
                let retired = self.previous.take();
                self.bury(retired);
                false
            }
            Post::RollBack(_) | Post::Keep(_) => false,
        }
    }

    fn bury(&self, place: Option<Place>) {
        if let Some(instance) = place.and_then(|place| place.instance) {
            self.links.nursery.bury(instance);
        }
    }
}

impl Place {
    fn new(generation: Arc<Generation>, instance: Instance) -> Self {
        Self {
            generation,
            instance: Some(instance),
            asked_ms: 0,
        }
    }

    fn ask<R>(
        &mut self,
        links: &Links,
        now_ms: u64,
        call: &mut impl FnMut(&mut Instance, Duration) -> Result<R, Fault>,
    ) -> Result<(Origin, R), CallError> {
        let generation = &self.generation;
        if self.instance.is_none() {
            self.instance = generation.take_spare(links.owner);
        }
        let Some(instance) = &mut self.instance else {
            links.reporter.tally.refused.one_more();
            if now_ms.saturating_sub(self.asked_ms) >= ASK_AGAIN_MS {
                self.asked_ms = now_ms;
                links.nursery.stock(generation, links.owner);
            }
            return Err(CallError::Restarting);
        };
        let health = generation.health(links.lane);
        let Some(turn) = health.turn(now_ms) else {
            links.reporter.tally.refused.one_more();
            return Err(CallError::Tripped);
        };
        links.reporter.tally.calls.one_more();
        match call(instance, generation.call_deadline) {
            Ok(answer) => {
                turn.succeeded();
                Ok((generation.origin, answer))
            }
            Err(fault) => {
                if let Some(instance) = self.instance.take() {
                    links.nursery.bury(instance);
                }
                self.instance = generation.take_spare(links.owner);
                links.nursery.stock(generation, links.owner);
                self.asked_ms = now_ms;
                links
                    .reporter
                    .report(generation, &fault, turn.failed(now_ms));
                Err(fault.kind)
            }
        }
    }
}
