//! What everybody is refused with in the same words.

use tidegate_plugin::store::CONFLICT;
use tidegate_plugin::{Caller, Error, error, warn};

/// The caller's name, if it holds the scope.
pub(crate) fn name_with<'a>(caller: &Caller<'a>, scope: &str) -> Result<&'a str, Error> {
    let Some(name) = caller.subject else {
        return Err(Error::new("unauthenticated", "Please choose a name first."));
    };
    if !caller.scopes.contains(scope) {
        let message = format!("You may not do this here: the scope {scope} is missing.");
        return Err(Error::new("forbidden", message));
    }
    Ok(name)
}

/// The host failed us: people need not know how, the operator does.
pub(crate) fn unavailable(cause: Error) -> Error {
    let message = if cause.retryable {
        warn!("{cause}");
        "The chat cannot be reached at the moment. Please try again."
    } else {
        error!("{cause}");
        "Something is wrong with the chat. Please tell whoever runs it."
    };
    Error {
        message: message.into(),
        ..cause
    }
}

/// Others were faster, time and again.
pub(crate) fn busy() -> Error {
    let message = "The chat is very busy at the moment. Please try again.";
    Error::new("unavailable", message).retryable()
}

pub(crate) fn is_conflict(error: &Error) -> bool {
    error.code == CONFLICT
}
