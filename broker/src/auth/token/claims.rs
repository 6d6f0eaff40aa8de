//! What a signed token says, and whether that is good here and now.

use serde::Deserialize;
use serde_json::{Number, Value};

use super::TokenError;
use crate::auth::Principal;

/// What is asked of the claims of one kind of issuer.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// `None` = not checked.
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    /// Seconds.
    pub(crate) leeway: u64,
}

/// The claims as they come; other members are nobody's business here.
#[derive(Deserialize)]
pub(crate) struct SignedClaims {
    iss: Option<String>,
    aud: Option<OneOrMany>,
    sub: Option<Subject>,
    exp: Option<Number>,
    nbf: Option<Number>,
    iat: Option<Value>,
    scope: Option<OneOrMany>,
    scopes: Option<OneOrMany>,
    scp: Option<OneOrMany>,
    sid: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// RFC 7519 wants a string; issuers that keep numeric user ids often put the number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Subject {
    Text(String),
    Number(u64),
}

impl OneOrMany {
    fn parts(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl SignedClaims {
    /// The principal these claims speak for at `now` (seconds since 1970).
    pub(crate) fn check(self, now: u64, rules: &Rules) -> Result<Principal, TokenError> {
        let exp = seconds(self.exp.as_ref().ok_or(TokenError::NoExpiry)?)?;
        let expires_at = exp.saturating_add(rules.leeway);
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        if let Some(nbf) = &self.nbf
            && seconds(nbf)? > now.saturating_add(rules.leeway)
        {
            return Err(TokenError::NotYetValid);
        }
        if let Some(issuer) = &rules.issuer
            && self.iss.as_ref() != Some(issuer)
        {
            return Err(TokenError::WrongIssuer);
        }
        if let Some(audience) = &rules.audience
            && !self
                .aud
                .as_ref()
                .is_some_and(|aud| aud.parts().contains(audience))
        {
            return Err(TokenError::WrongAudience);
        }
        Ok(Principal {
            issued_at: self.issued_at(),
            scopes: self.scopes(),
            session_id: self.sid.as_ref().and_then(Value::as_str).map(Box::from),
            subject: self.subject()?,
            expires_at,
        })
    }

    fn subject(self) -> Result<Box<str>, TokenError> {
        match self.sub {
            Some(Subject::Text(text)) if !text.is_empty() => Ok(text.into()),
            Some(Subject::Number(number)) => Ok(number.to_string().into()),
            _ => Err(TokenError::NoSubject),
        }
    }

    /// Nothing but a revocation asks when: what is no date counts as old.
    fn issued_at(&self) -> u64 {
        let number = self.iat.as_ref().and_then(Value::as_number);
        number
            .and_then(|number| seconds(number).ok())
            .unwrap_or_default()
    }

    fn scopes(&self) -> Box<str> {
        let claim = self
            .scope
            .as_ref()
            .or(self.scopes.as_ref())
            .or(self.scp.as_ref());
        let parts = claim.map_or(&[][..], OneOrMany::parts);
        let scopes: Vec<&str> = parts
            .iter()
            .flat_map(|part| part.split_whitespace())
            .collect();
        scopes.join(" ").into()
    }
}

/// A NumericDate: whole or fractional seconds, rounded down.
fn seconds(number: &Number) -> Result<u64, TokenError> {
    if let Some(seconds) = number.as_u64() {
        return Ok(seconds);
    }
    match number.as_f64() {
        // The cast saturates.
        Some(seconds) if seconds >= 0.0 => Ok(seconds as u64),
        _ => Err(TokenError::Malformed),
    }
}
