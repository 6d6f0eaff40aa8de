//! A JWKS document to keys. What this broker cannot use is left out, never an error: issuers
//! publish keys for others too.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::keys::VerifyingKey;

/// A token without `kid` is tried against all keys of its algorithm.
const KEYS_MAX: usize = 64;

pub(crate) struct RemoteKey {
    kid: Option<String>,
    pub(crate) key: Arc<VerifyingKey>,
}

impl RemoteKey {
    /// A key without a name may be any, and a token without one asks for any.
    pub(crate) fn answers_to(&self, wanted: Option<&str>) -> bool {
        match (self.kid.as_deref(), wanted) {
            (Some(kid), Some(wanted)) => kid == wanted,
            _ => true,
        }
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

pub(super) fn keys(body: &[u8]) -> Result<Vec<RemoteKey>, serde_json::Error> {
    let document: Document = serde_json::from_slice(body)?;
    let keys = document.keys.into_iter().filter_map(|value| {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let key = Arc::new(jwk.key()?);
        Some(RemoteKey { kid: jwk.kid, key })
    });
    Ok(keys.take(KEYS_MAX).collect())
}

impl Jwk {
    /// Symmetric keys (`oct`) are not read: in a published document they are no secret.
    fn key(&self) -> Option<VerifyingKey> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => VerifyingKey::ed25519(&bytes(self.x.as_ref())?)?,
            ("EC", Some("P-256")) => VerifyingKey::ec(&self.point(32)?)?,
            ("EC", Some("P-384")) => VerifyingKey::ec(&self.point(48)?)?,
            ("RSA", None) => return self.rsa(),
            _ => return None,
        };
        match &self.alg {
            Some(alg) if *alg != format!("{:?}", key.algorithm()) => None,
            _ => Some(key),
        }
    }

    fn point(&self, coordinate: usize) -> Option<Vec<u8>> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        if x.len() != coordinate || y.len() != coordinate {
            return None;
        }
        Some([&[4], x.as_slice(), y.as_slice()].concat())
    }

    fn rsa(&self) -> Option<VerifyingKey> {
        use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
        let algorithm = match &self.alg {
            None => RS256,
            Some(alg) => [RS256, RS384, RS512, PS256, PS384, PS512]
                .into_iter()
                .find(|known| format!("{known:?}") == *alg)?,
        };
        VerifyingKey::rsa_components(
            &bytes(self.n.as_ref())?,
            &bytes(self.e.as_ref())?,
            algorithm,
        )
    }
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}
