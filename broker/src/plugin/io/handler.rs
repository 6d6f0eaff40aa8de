//! Calls of plugins' methods: found by name, bounded, run on the I/O runtime.

use std::sync::Arc;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::IoPlugins;
use super::progress::Progress;
use super::seat::IoSeat;
use super::sessions::CookieChange;
use super::transport::Transport;
use crate::plugin::config::HandlerLimits;
use crate::plugin::error::CallError;

/// What a client calls.
#[derive(Debug)]
pub struct Call {
    /// Whole: `chat.send`.
    pub method: Box<str>,
    /// `None` is `null`.
    pub params: Option<Box<RawValue>>,
    pub caller: Caller,
}

#[derive(Debug)]
pub struct Caller {
    /// Empty for an anonymous caller.
    pub subject: Box<str>,
    /// Separated by single spaces.
    pub scopes: Box<str>,
    pub transport: Transport,
    /// The session that the caller's cookie names; over HTTP only.
    pub session_id: Option<Box<str>>,
    /// The answer may carry a cookie; over HTTP only.
    pub takes_cookies: bool,
}

/// What a call came to.
#[derive(Debug)]
pub struct Called {
    /// JSON text, or why there is none.
    pub outcome: Result<Box<RawValue>, CallRefused>,
    /// `Keep` unless the caller takes cookies.
    pub cookie: CookieChange,
}

/// Why a call has no answer; all of it is for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRefused {
    /// A stable kebab-case word: the plugin's, or `unknown-method`, `needs-http`, `overloaded`,
    /// `unavailable`.
    pub code: String,
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl CallRefused {
    fn new(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            message,
            retryable: false,
        }
    }

    pub(super) fn needs_http(method: &str) -> Self {
        let message = format!("{method} can be called over POST /call/{method} only");
        Self::new("needs-http", message)
    }

    fn unknown_method(method: &str) -> Self {
        let method: String = method.chars().take(64).collect();
        Self::new(
            "unknown-method",
            format!("no plugin has the method {method:?}"),
        )
    }

    fn overloaded() -> Self {
        Self {
            retryable: true,
            ..Self::new("overloaded", "too many calls wait now".into())
        }
    }

    /// Nothing is told of what went wrong: that is the operator's, and in the log.
    fn unavailable() -> Self {
        Self {
            retryable: true,
            ..Self::new("unavailable", "the plugin did not answer".into())
        }
    }
}

impl From<CallRefused> for Called {
    fn from(refusal: CallRefused) -> Self {
        Self {
            outcome: Err(refusal),
            cookie: CookieChange::Keep,
        }
    }
}

impl Call {
    fn plugin(&self) -> &str {
        self.method.split('.').next().unwrap_or_default()
    }

    /// The method as the plugin names it.
    pub(super) fn own_method(&self) -> &str {
        let after = self.method.split_once('.');
        after.map_or("", |(_, method)| method)
    }
}

/// A call under way.
pub(super) struct Invocation {
    pub(super) call: Call,
    /// When it has to be over.
    pub(super) until: Instant,
    pub(super) progress: Progress,
}

/// A plugin whose methods may be called.
pub(in crate::plugin) struct Handler {
    seat: Arc<IoSeat>,
    limits: HandlerLimits,
    /// A permit for each call that may be under way.
    places: Arc<Semaphore>,
    numbers: Numbers,
}

impl Handler {
    pub(in crate::plugin) fn new(plugin: &str, seat: Arc<IoSeat>, limits: HandlerLimits) -> Self {
        Self {
            seat,
            limits,
            places: Arc::new(Semaphore::new(limits.calls as usize)),
            numbers: Numbers::new(plugin),
        }
    }
}

impl IoPlugins {
    /// Calls a method of the plugin that is named before the first `.`. The call runs on the I/O
    /// runtime and takes at most `plugins.handler_deadline`. Dropped, the call ends where it is if it
    /// has done nothing yet that shows outside; else it runs on to its end, but a session that it
    /// creates is removed.
    pub async fn call(&self, call: Call) -> Called {
        let Some(handler) = self.0.handlers.get(call.plugin()) else {
            return CallRefused::unknown_method(&call.method).into();
        };
        let Ok(place) = handler.places.clone().try_acquire_owned() else {
            handler.numbers.overloaded.increment(1);
            return CallRefused::overloaded().into();
        };
        let progress = Progress::default();
        let invocation = Invocation {
            call,
            until: Instant::now() + handler.limits.deadline,
            progress: progress.clone(),
        };
        let answering = answer(handler.clone(), invocation, place);
        let mut awaited = Awaited {
            answer: self.0.calls.spawn_on(answering, &self.0.runtime),
            progress,
        };
        let called = (&mut awaited.answer).await;
        called.unwrap_or_else(|_| CallRefused::unavailable().into())
    }

    /// Waits for the calls under way, also those whose callers have left. Cancel-safe.
    pub async fn calls_ended(&self) {
        self.0.calls.close();
        self.0.calls.wait().await;
    }
}

/// An answer that somebody waits for.
struct Awaited {
    answer: JoinHandle<Called>,
    progress: Progress,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.progress.leave() {
            self.answer.abort();
        }
    }
}

async fn answer(
    handler: Arc<Handler>,
    invocation: Invocation,
    place: OwnedSemaphorePermit,
) -> Called {
    let begun = Instant::now();
    let mut under_way = UnderWay::begin(&handler.numbers);
    let (answer, cookie) = handler.seat.handle(&invocation).await;
    let numbers = &handler.numbers;
    let (outcome, count) = match answer {
        Ok(Ok(reply)) => (Ok(reply), &numbers.answered),
        Ok(Err(refusal)) => (Err(refusal), &numbers.refused),
        Err(CallError::Busy) => (Err(CallRefused::overloaded()), &numbers.overloaded),
        Err(_) => (Err(CallRefused::unavailable()), &numbers.failed),
    };
    under_way.ends_as = count;
    numbers.seconds.record(begun.elapsed().as_secs_f64());
    drop(place);
    Called { outcome, cookie }
}

struct Numbers {
    answered: Counter,
    refused: Counter,
    failed: Counter,
    overloaded: Counter,
    dropped: Counter,
    waiting: Gauge,
    seconds: Histogram,
}

impl Numbers {
    fn new(plugin: &str) -> Self {
        let plugin = plugin.to_owned();
        let outcome = |outcome: &'static str| counter!("tidegate_plugin_handler_calls_total", "plugin" => plugin.clone(), "outcome" => outcome);
        Self {
            answered: outcome("answered"),
            refused: outcome("refused"),
            failed: outcome("failed"),
            overloaded: outcome("overloaded"),
            dropped: outcome("dropped"),
            waiting: gauge!("tidegate_plugin_handler_calls_waiting", "plugin" => plugin.clone()),
            seconds: histogram!("tidegate_plugin_handler_call_seconds", "plugin" => plugin),
        }
    }
}

/// Counts a call however it ends.
struct UnderWay<'a> {
    numbers: &'a Numbers,
    ends_as: &'a Counter,
}

impl<'a> UnderWay<'a> {
    fn begin(numbers: &'a Numbers) -> Self {
        numbers.waiting.increment(1.0);
        Self {
            numbers,
            ends_as: &numbers.dropped,
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.numbers.waiting.decrement(1.0);
        self.ends_as.increment(1);
    }
}
