//! What the imports of a hook that waits lead to, and what the call under way has done with them.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::fetch::Fetcher;
use super::progress::Progress;
use super::sessions::CallSessions;
use crate::plugin::bindings::imports::tidegate::types::errors::Error;
use crate::plugin::outside::{Outside, OutsideError};
use crate::plugin::reach::HttpHost;
use crate::topic::Pattern;

/// What a plugin waits for ends this long before its call has to, so that it can still answer.
pub(super) const RESERVE: Duration = Duration::from_millis(100);

/// What a plugin may use, the same for all its instances.
pub(in crate::plugin) struct Granted {
    pub(super) fetcher: Fetcher,
    pub(super) hosts: Vec<HttpHost>,
    /// Where it may publish.
    pub(super) topics: Vec<Pattern>,
    /// The names of its tables.
    pub(super) tables: Vec<String>,
    pub(super) outside: Arc<Outside>,
    pub(super) runtime: Handle,
}

/// What the calls of one instance may use.
pub(in crate::plugin) struct Reach {
    pub(super) granted: Arc<Granted>,
    /// When the call under way has to be over.
    pub(super) until: Instant,
    /// Of the call under way.
    pub(super) progress: Progress,
    pub(super) sessions: CallSessions,
}

impl Reach {
    pub(super) fn new(granted: Arc<Granted>) -> Self {
        Self {
            granted,
            until: Instant::now(),
            progress: Progress::default(),
            sessions: CallSessions::none(),
        }
    }

    /// A call begins.
    pub(super) fn begin(&mut self, until: Instant, progress: Progress, sessions: CallSessions) {
        self.until = until;
        self.progress = progress;
        self.sessions = sessions;
    }

    /// To be asked before anything is done that shows outside.
    ///
    /// # Errors
    ///
    /// The caller has left: the call is being ended and must do nothing more.
    pub(super) fn act(&self) -> Result<(), Error> {
        if self.progress.act() {
            return Ok(());
        }
        Err(retryable("cancelled", "the caller has left".into()))
    }

    /// The last moment at which the plugin may still wait.
    pub(super) fn latest(&self) -> Instant {
        self.until.checked_sub(RESERVE).unwrap_or(self.until)
    }

    /// Waits for something outside, for as long as the plugin can still answer.
    pub(super) async fn wait<T, E: Into<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error> {
        match timeout_at(self.latest(), work).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(retryable(
                "unavailable",
                "no answer in the time that the call has".into(),
            )),
        }
    }
}

impl From<OutsideError> for Error {
    fn from(error: OutsideError) -> Self {
        Self {
            code: error.code.into(),
            message: error.message,
            retryable: error.retryable,
        }
    }
}

pub(super) fn refused(code: &str, message: String) -> Error {
    Error {
        code: code.into(),
        message,
        retryable: false,
    }
}

pub(super) fn retryable(code: &str, message: String) -> Error {
    Error {
        retryable: true,
        ..refused(code, message)
    }
}

/// Texts of a plugin's in errors.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(128).collect()
}
