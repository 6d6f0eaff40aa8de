//! Commands of one client: one after the other, calls beside them.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::limits::Limits;

/// A command under way; resolves to what it comes to.
pub(super) type Running<O> = Pin<Box<dyn Future<Output = O>>>;

/// `C` is a command that waits its turn, `O` what one comes to.
pub(super) struct Pipeline<C, O> {
    running: Option<Running<O>>,
    waiting: VecDeque<C>,
    beside: Vec<Running<O>>,
}

impl<C, O> Default for Pipeline<C, O> {
    fn default() -> Self {
        Self {
            running: None,
            waiting: VecDeque::new(),
            beside: Vec::new(),
        }
    }
}

impl<C, O> Pipeline<C, O> {
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

    /// The next that comes to an end; `None` = all wait.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        begin: impl FnOnce(C) -> Running<O>,
    ) -> Option<O> {
        if self.running.is_none() {
            self.running = self.waiting.pop_front().map(begin);
            if self.waiting.is_empty() && self.waiting.capacity() > 0 {
                self.waiting = VecDeque::new();
            }
        }
        if let Some(running) = &mut self.running
            && let Poll::Ready(outcome) = running.as_mut().poll(cx)
        {
            self.running = None;
            return Some(outcome);
        }
        for at in 0..self.beside.len() {
            if let Poll::Ready(outcome) = self.beside[at].as_mut().poll(cx) {
                drop(self.beside.swap_remove(at));
                return Some(outcome);
            }
        }
        None
    }
}
