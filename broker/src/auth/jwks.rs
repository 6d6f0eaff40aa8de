//! The keys of another issuer, fetched from its JWKS and cached.

mod document;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use metrics::{Counter, counter};
use tokio::time::Instant;

use super::keys::VerifyingKey;
use document::RemoteKey;

/// Least time between two fetches: tokens with made-up `kid`s must not become a load on the
/// issuer.
const FETCH_INTERVAL: Duration = Duration::from_secs(10);
/// Keys older than this are fetched again beside their use, so that a withdrawn key goes.
const FRESH_FOR: Duration = Duration::from_secs(300);
/// One fetch, connection and body.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// A key is under 2 KB; issuers have a handful.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// The keys could not be fetched, so nothing is known about the one asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Http(reqwest::Error),
    #[error("the answer is larger than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the answer is not a JWKS: {0}")]
    NotJwks(serde_json::Error),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        // The URL may carry a credential.
        Self::Http(error.without_url())
    }
}

pub(crate) struct RemoteKeys {
    client: reqwest::Client,
    url: url::Url,
    state: Mutex<State>,
    /// Held by the one fetch in flight; whoever waits for it finds its result.
    fetching: tokio::sync::Mutex<()>,
    fetched: Counter,
    failed: Counter,
}

#[derive(Default)]
struct State {
    keys: Vec<RemoteKey>,
    /// Of the last success; a failure leaves the keys as they are.
    fetched_at: Option<Instant>,
    attempted_at: Option<Instant>,
    failing: bool,
}

impl RemoteKeys {
    pub(crate) fn new(url: url::Url) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::limited(3))
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(reqwest::Error::without_url)?;
        Ok(Self {
            client,
            url,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::new(()),
            fetched: counter!("tidegate_auth_jwks_fetches_total", "result" => "ok"),
            failed: counter!("tidegate_auth_jwks_fetches_total", "result" => "failed"),
        })
    }

    /// The keys that may have signed a token with this header. Fetches if the `kid` is unknown
    /// and the last fetch is 10 s ago; otherwise answers from what is there, however old. Must
    /// run on the I/O runtime. Cancel-safe, though a fetch under way is then lost.
    pub(crate) async fn find(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<Arc<VerifyingKey>>, Unavailable> {
        if let Some(keys) = self.known(kid, algorithm) {
            if self.is_old() {
                let this = self.clone();
                tokio::spawn(async move { this.fetch_if_due().await });
            }
            return Ok(keys);
        }
        self.fetch_if_due().await;
        match self.known(kid, algorithm) {
            Some(keys) => Ok(keys),
            None if self.state().failing => Err(Unavailable),
            None => Ok(Vec::new()),
        }
    }

    /// `None` = no key of this name; a name that is there with another algorithm is known and
    /// yields nothing.
    fn known(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Vec<Arc<VerifyingKey>>> {
        let state = self.state();
        let named: Vec<_> = state
            .keys
            .iter()
            .filter(|key| key.answers_to(kid))
            .collect();
        if named.is_empty() {
            return None;
        }
        let fits = named.iter().filter(|key| key.key.algorithm() == algorithm);
        Some(fits.map(|key| key.key.clone()).collect())
    }

    fn is_old(&self) -> bool {
        let state = self.state();
        state.fetched_at.is_none_or(|at| at.elapsed() >= FRESH_FOR) && !state.attempted_lately()
    }

    pub(crate) async fn fetch_if_due(&self) {
        let _turn = self.fetching.lock().await;
        {
            let mut state = self.state();
            if state.attempted_lately() {
                return;
            }
            state.attempted_at = Some(Instant::now());
        }
        let result = self.fetch().await;
        let mut state = self.state();
        state.failing = result.is_err();
        match result {
            Ok(keys) => {
                tracing::debug!(
                    host = self.url.host_str(),
                    keys = keys.len(),
                    "jwks fetched"
                );
                state.keys = keys;
                state.fetched_at = Some(Instant::now());
                self.fetched.increment(1);
            }
            Err(error) => {
                tracing::warn!(
                    host = self.url.host_str(),
                    error = %error,
                    kept = state.keys.len(),
                    "cannot fetch jwks, the keys at hand stay in use"
                );
                self.failed.increment(1);
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<RemoteKey>, FetchError> {
        let request = self.client.get(self.url.clone());
        let mut response = request
            .header("accept", "application/jwk-set+json, application/json")
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > DOCUMENT_BYTES_MAX {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        document::keys(&body).map_err(FetchError::NotJwks)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn attempted_lately(&self) -> bool {
        self.attempted_at
            .is_some_and(|at| at.elapsed() < FETCH_INTERVAL)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("host", &self.url.host_str())
            .field("keys", &self.state().keys.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
