//! Who a client is: keys, tokens, session cookies, origins. Knows nothing of topics.

pub mod config;

pub use config::{AuthConfig, CookieConfig, KeySource, SameSite, SessionConfig, SessionStore};

/// Who a verified token speaks for. An anonymous caller has an empty subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    pub subject: Box<str>,
    /// Separated by single spaces.
    pub scopes: Box<str>,
    /// Seconds since 1970; 0 = never (anonymous only).
    pub expires_at: u64,
    /// The session it was made from (`sid` claim).
    pub session_id: Option<Box<str>>,
}
