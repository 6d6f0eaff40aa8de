//! Commands of one client: in their order, calls beside them.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::limits::Limits;

/// A command under way; resolves to what it comes to.
pub(super) type Running<O> = Pin<Box<dyn Future<Output = O>>>;

/// `C` is a command that waits its turn, `O` what one comes to.
pub(super) struct Pipeline<C, O> {
    waiting: VecDeque<C>,
    /// Begun, and its outcome not taken: one command, or publications that the bus was given and
    /// has not yet acknowledged.
    begun: VecDeque<Begun<O>>,
    /// What is in `begun` are publications.
    publishing: bool,
    beside: Vec<Running<O>>,
}

enum Begun<O> {
    Running(Running<O>),
    Ended(O),
}

/// A command that may be one of several under way.
pub(super) trait Ordered {
    /// Its first poll hands something to the bus, which keeps the order of the hand-overs: so
    /// those that follow each other may wait for their acknowledgements together.
    fn publishes(&self) -> bool;
}

impl<C, O> Default for Pipeline<C, O> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            begun: VecDeque::new(),
            publishing: false,
            beside: Vec::new(),
        }
    }
}

impl<C: Ordered, O> Pipeline<C, O> {
    /// Whether the client may be read on.
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        self.waiting.len() < limits.queued_commands && self.beside.len() < limits.concurrent_calls
    }

    pub(super) fn push(&mut self, command: C) {
        self.waiting.push_back(command);
    }

    pub(super) fn push_beside(&mut self, call: Running<O>) {
        self.beside.push(call);
    }

    /// The next that comes to an end, ordered ones in their order; `None` = all wait.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        begin: impl FnMut(C) -> Running<O>,
    ) -> Option<O> {
        self.begin(cx, limits, begin);
        if let Some(outcome) = self.poll_first(cx) {
            return Some(outcome);
        }
        for at in 0..self.beside.len() {
            if let Poll::Ready(outcome) = self.beside[at].as_mut().poll(cx) {
                drop(self.beside.swap_remove(at));
                return Some(outcome);
            }
        }
        self.shrink();
        None
    }

    /// Begins what may begin; what does not publish runs alone.
    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        limits: &Limits,
        mut begin: impl FnMut(C) -> Running<O>,
    ) {
        while let Some(next) = self.waiting.front() {
            let publishes = next.publishes();
            let in_flight = if publishes && self.publishing {
                limits.publications_in_flight
            } else {
                1
            };
            if self.begun.len() >= in_flight {
                return;
            }
            let Some(command) = self.waiting.pop_front() else {
                return;
            };
            self.publishing = publishes;
            let mut running = begin(command);
            self.begun.push_back(match running.as_mut().poll(cx) {
                Poll::Ready(outcome) => Begun::Ended(outcome),
                Poll::Pending => Begun::Running(running),
            });
        }
    }

    /// The first command's outcome; later ones wait for it.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Option<O> {
        if let Begun::Running(running) = self.begun.front_mut()? {
            let Poll::Ready(outcome) = running.as_mut().poll(cx) else {
                return None;
            };
            self.begun.pop_front();
            return Some(outcome);
        }
        match self.begun.pop_front()? {
            Begun::Ended(outcome) => Some(outcome),
            Begun::Running(_) => None,
        }
    }

    /// Idle holds nothing.
    fn shrink(&mut self) {
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = VecDeque::new();
        }
        if self.begun.is_empty() && self.begun.capacity() > 0 {
            self.begun = VecDeque::new();
        }
    }
}
