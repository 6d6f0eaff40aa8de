//! How a command ends badly.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use crate::config::Problems;

#[derive(Debug)]
pub enum Failure {
    /// What was typed is wrong: 2.
    Usage(String),
    /// The settings are wrong: 2.
    Settings(Problems),
    /// It did not work: 1.
    Failed(anyhow::Error),
    /// It did not work, and the log says why: 1.
    Logged,
}

impl Failure {
    /// Tells the user on stderr.
    pub fn tell(&self) -> ExitCode {
        match self {
            Self::Usage(what) => say(what),
            Self::Settings(problems) => say(problems),
            Self::Failed(error) => say(format_args!("{error:#}")),
            Self::Logged => {}
        }
        ExitCode::from(match self {
            Self::Usage(_) | Self::Settings(_) => 2,
            Self::Failed(_) | Self::Logged => 1,
        })
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// A line for the user's eyes. Whoever closed stderr does not want it.
pub(super) fn say(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{what}");
}

/// Writes an answer to stdout. `Ok(false)` = the reader has gone, as `| head` does: enough.
pub(super) fn print(text: &str) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Failed(
            anyhow::Error::new(error).context("cannot write to stdout"),
        )),
    }
}
