//! Which key a token asks for, and what that key says. No I/O: remote keys are handed in.

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use jsonwebtoken::errors::ErrorKind;

use super::claims::SignedClaims;
use super::{Rules, TOKEN_BYTES_MAX, TokenError};
use crate::auth::Principal;
use crate::auth::keys::{KeySet, VerifyingKey};

pub(crate) struct Verifier {
    own: Arc<KeySet>,
    /// Configured keys and the secret of other issuers.
    trusted: Vec<Arc<VerifyingKey>>,
    own_rules: Rules,
    foreign_rules: Rules,
}

/// What the keys at hand say.
pub(crate) enum Checked {
    Valid(Principal),
    Refused(TokenError),
    /// None of the keys at hand signed it; a remote one may have.
    Elsewhere(Wanted),
}

/// The key a token asks for.
pub(crate) struct Wanted {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    /// The answer if no remote key is there either.
    pub(crate) otherwise: TokenError,
}

impl From<Result<Principal, TokenError>> for Checked {
    fn from(result: Result<Principal, TokenError>) -> Self {
        match result {
            Ok(principal) => Self::Valid(principal),
            Err(error) => Self::Refused(error),
        }
    }
}

impl Verifier {
    pub(crate) fn new(
        own: Arc<KeySet>,
        trusted: Vec<Arc<VerifyingKey>>,
        own_rules: Rules,
        foreign_rules: Rules,
    ) -> Self {
        Self {
            own,
            trusted,
            own_rules,
            foreign_rules,
        }
    }

    /// Checks against the keys at hand at `now` (seconds since 1970). Takes the time of a few
    /// signature checks: not for a worker.
    pub(crate) fn check(&self, token: &str, now: u64) -> Checked {
        let (kid, algorithm) = match header(token) {
            Ok(header) => header,
            Err(error) => return Checked::Refused(error),
        };
        if let Some(key) = kid.as_deref().and_then(|kid| self.own.by_kid(kid)) {
            // Our thumbprint names our key and no other.
            return match signed(token, key) {
                Ok(Some(claims)) => claims.check(now, &self.own_rules).into(),
                Ok(None) => Checked::Refused(TokenError::BadSignature),
                Err(error) => Checked::Refused(error),
            };
        }
        let own: &[_] = if kid.is_none() {
            self.own.public()
        } else {
            &[]
        };
        match first_signed(token, algorithm, own) {
            Ok(Some(claims)) => return claims.check(now, &self.own_rules).into(),
            Ok(None) => {}
            Err(error) => return Checked::Refused(error),
        }
        match first_signed(token, algorithm, &self.trusted) {
            Ok(Some(claims)) => claims.check(now, &self.foreign_rules).into(),
            Ok(None) => Checked::Elsewhere(Wanted {
                otherwise: self.none_signed(own, algorithm),
                kid,
                algorithm,
            }),
            Err(error) => Checked::Refused(error),
        }
    }

    fn none_signed(&self, own: &[Arc<VerifyingKey>], algorithm: Algorithm) -> TokenError {
        let mut tried = own.iter().chain(&self.trusted);
        if tried.any(|key| key.algorithm() == algorithm) {
            TokenError::BadSignature
        } else {
            TokenError::UnknownKey
        }
    }

    /// Checks against keys that a remote issuer gave for what the token asks.
    pub(crate) fn check_remote(
        &self,
        token: &str,
        wanted: &Wanted,
        keys: &[Arc<VerifyingKey>],
        now: u64,
    ) -> Result<Principal, TokenError> {
        match first_signed(token, wanted.algorithm, keys)? {
            Some(claims) => claims.check(now, &self.foreign_rules),
            None if keys.is_empty() => Err(wanted.otherwise),
            None => Err(TokenError::BadSignature),
        }
    }
}

fn header(token: &str) -> Result<(Option<String>, Algorithm), TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    // RFC 7515 4.1.11: an extension that must be understood, and is not.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    Ok((header.kid, header.alg))
}

fn first_signed(
    token: &str,
    algorithm: Algorithm,
    keys: &[Arc<VerifyingKey>],
) -> Result<Option<SignedClaims>, TokenError> {
    for key in keys.iter().filter(|key| key.algorithm() == algorithm) {
        if let Some(claims) = signed(token, key)? {
            return Ok(Some(claims));
        }
    }
    Ok(None)
}

/// The claims if `key` signed them with its own algorithm, `None` if not.
fn signed(token: &str, key: &VerifyingKey) -> Result<Option<SignedClaims>, TokenError> {
    match jsonwebtoken::decode::<SignedClaims>(token, key.decoding(), key.validation()) {
        Ok(data) => Ok(Some(data.claims)),
        Err(error) => match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => Ok(None),
            _ => Err(TokenError::Malformed),
        },
    }
}
