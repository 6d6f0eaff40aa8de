//! Making tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde::Serialize;

use crate::auth::AuthConfig;
use crate::auth::keys::{KeyError, KeySet};

/// What a new token says.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    pub subject: String,
    pub scopes: Vec<String>,
    /// The session it is made from; ending that revokes the token.
    pub session_id: Option<String>,
    /// At least a second. A token made from a session lives at most as long as
    /// `AuthConfig::token_ttl`, so that a revocation outlives it.
    pub ttl: Duration,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    exp: u64,
    iat: u64,
    jti: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
}

/// Signs tokens with this broker's first private key. Cheap to clone.
#[derive(Clone)]
pub struct Mint {
    keys: Arc<KeySet>,
    issuer: Arc<str>,
    audience: Arc<str>,
    session_ttl: Duration,
}

impl Mint {
    /// Reads the keys, or makes them (see [`KeySet::load`]), and opens nothing else: for
    /// `tidegate token mint` beside a running broker. Blocking.
    pub fn load(config: &AuthConfig) -> Result<Self, KeyError> {
        let keys = KeySet::load(&config.keys, &config.data)?;
        Ok(Self::new(Arc::new(keys), config))
    }

    pub(crate) fn new(keys: Arc<KeySet>, config: &AuthConfig) -> Self {
        Self {
            keys,
            issuer: config.issuer.as_str().into(),
            audience: config.audience.as_str().into(),
            session_ttl: config.token_ttl,
        }
    }

    pub(crate) fn keys(&self) -> &Arc<KeySet> {
        &self.keys
    }

    /// A signed token that is valid from now on.
    pub fn mint(&self, claims: &Claims) -> Result<String, KeyError> {
        self.mint_at(claims, crate::auth::unix_now())
    }

    pub(crate) fn mint_at(&self, claims: &Claims, now: u64) -> Result<String, KeyError> {
        let signing = self.keys.signing()?;
        let ttl = match claims.session_id {
            Some(_) => claims.ttl.min(self.session_ttl),
            None => claims.ttl,
        };
        let mut header = Header::new(signing.public.algorithm());
        header.kid = Some(signing.public.kid().to_owned());
        let mut jti = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut jti).map_err(|_| KeyError::Generate)?;
        let payload = Payload {
            iss: &self.issuer,
            aud: &self.audience,
            sub: &claims.subject,
            exp: now.saturating_add(ttl.as_secs().max(1)),
            iat: now,
            jti: URL_SAFE_NO_PAD.encode(jti),
            scope: claims.scopes.join(" "),
            sid: claims.session_id.as_deref(),
        };
        jsonwebtoken::encode(&header, &payload, &signing.encoding).map_err(|_| KeyError::Sign)
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
