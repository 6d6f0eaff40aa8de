//! JSON Web Tokens: made, verified, remembered, revoked.

mod claims;
mod mint;
mod remembered;
mod revoked;
mod verifier;

pub(crate) use claims::Rules;
pub use mint::{Claims, Mint};
pub(crate) use remembered::Remembered;
pub(crate) use revoked::Revocations;
pub(crate) use verifier::{Checked, Verifier};

/// Longest token that is looked at, in bytes; what a peer sends is hashed before it is known.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Why a token is not taken. Never holds a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not a JSON Web Token that this broker reads")]
    Malformed,
    #[error("the token was signed by no key that this broker knows")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    BadSignature,
    #[error("the token has expired")]
    Expired,
    #[error("the token has no expiry")]
    NoExpiry,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token's issuer is not trusted")]
    WrongIssuer,
    #[error("the token is for another audience")]
    WrongAudience,
    #[error("the token has no subject")]
    NoSubject,
    #[error("the token was revoked: its session has ended or its subject was logged out")]
    Revoked,
    /// Nothing is known about the token: its issuer's keys could not be fetched, or this process
    /// is stopping. Worth another try.
    #[error("tokens cannot be checked at the moment")]
    Unavailable,
}

impl TokenError {
    /// The value of the metric label `result`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NoExpiry => "no_expiry",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::NoSubject => "no_subject",
            Self::Revoked => "revoked",
            Self::Unavailable => "unavailable",
        }
    }
}

#[cfg(test)]
mod tests;
