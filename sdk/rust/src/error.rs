/// What every fallible call answers with, in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// A stable kebab-case word that a program may act on.
    pub code: String,
    /// For people: lowercase, names the thing and the place.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl Error {
    /// An error that the same call would meet again.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: false,
        }
    }

    /// The settings cannot be used (code `bad-settings`). Say which one and why.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new("bad-settings", message)
    }

    /// The same call may succeed later.
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}

#[cfg(target_arch = "wasm32")]
mod wire {
    use crate::bindings::imports::tidegate::types::errors;

    impl From<super::Error> for errors::Error {
        fn from(error: super::Error) -> Self {
            let super::Error {
                code,
                message,
                retryable,
            } = error;
            Self {
                code,
                message,
                retryable,
            }
        }
    }

    impl From<errors::Error> for super::Error {
        fn from(error: errors::Error) -> Self {
            let errors::Error {
                code,
                message,
                retryable,
            } = error;
            Self {
                code,
                message,
                retryable,
            }
        }
    }
}
