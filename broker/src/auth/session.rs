//! Sessions of browsers: a signed cookie names a JSON document that this broker or an
//! express-session application keeps.

mod cookie;
mod date;
mod document;
mod embedded;
mod redis;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::keys::{KeyError, load_or_make};
use super::{CookieConfig, SessionConfig, SessionStore};
use cookie::Signer;
use document::Life;
use embedded::Embedded;
use redis::RedisStore;

/// The file in the data folder that holds the cookie secret when none is configured.
pub const SECRET_FILE: &str = "session.secret";
/// The embedded store in the data folder.
pub const STORE_FILE: &str = "sessions.redb";
/// Largest document that is stored, in bytes of JSON; all of it goes to a plugin at each use.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 10;

/// A session as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionDocument {
    pub id: String,
    /// A JSON object; express-session's `cookie` member is part of it.
    pub json: String,
    /// A `Set-Cookie` value that gives its cookie its whole life again, when the session got that. A
    /// cookie that is not as this broker makes them is its application's to renew.
    pub renewed_cookie: Option<String>,
}

impl fmt::Debug for SessionDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDocument").finish_non_exhaustive()
    }
}

/// A session that was just made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    pub id: String,
    /// The value of the `Set-Cookie` header.
    pub set_cookie: String,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").finish_non_exhaustive()
    }
}

/// Why there is no session. Never holds a part of the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the request has no session cookie")]
    Missing,
    #[error("the session cookie's signature is wrong")]
    BadSignature,
    #[error("the session does not exist")]
    Unknown,
    #[error("the session has expired")]
    Expired,
    /// Of a document to be stored.
    #[error("a session document must be a JSON object of at most {DOCUMENT_BYTES_MAX} bytes")]
    Malformed,
    /// Worth another try.
    #[error("sessions cannot be read at the moment")]
    Unavailable,
}

impl SessionError {
    /// The value of the metric label `result`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::BadSignature => "bad_signature",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why sessions cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SessionStartError {
    #[error(transparent)]
    Secret(#[from] KeyError),
    #[error(
        "cannot open the session store {path}: {reason} (one process at a time; give each node \
         its own TIDEGATE_DATA, or keep sessions in Redis)"
    )]
    Embedded { path: String, reason: String },
    #[error("the session store's Redis URL is not one that can be used")]
    RedisUrl,
}

enum Store {
    Embedded(Arc<Embedded>),
    Redis(Box<RedisStore>),
}

/// A document as a store gives it.
struct Stored {
    json: String,
    /// Until the store drops it; `None` = never, then the document's own `cookie.expires` counts.
    left: Option<Duration>,
}

pub(crate) struct Sessions {
    signer: Signer,
    cookie: CookieConfig,
    ttl: Duration,
    store: Store,
}

impl Sessions {
    /// Reads or makes the secret and opens the store; Redis is not asked yet. Blocking.
    pub(crate) fn open(config: &SessionConfig, data: &Path) -> Result<Self, SessionStartError> {
        let mut secrets = config.secrets.clone();
        if secrets.is_empty() {
            let secret = load_or_make(&data.join(SECRET_FILE), make_secret)?;
            secrets.push(secret.trim().to_owned());
            if matches!(config.store, SessionStore::Redis { .. }) {
                tracing::warn!(
                    "no session secret is set: cookies of other nodes and applications do not count here"
                );
            }
        }
        let store = match &config.store {
            SessionStore::Embedded => {
                Store::Embedded(Arc::new(Embedded::open(&data.join(STORE_FILE))?))
            }
            SessionStore::Redis { url, prefix } => {
                Store::Redis(Box::new(RedisStore::new(url, prefix)?))
            }
        };
        Ok(Self {
            signer: Signer::new(&secrets),
            cookie: config.cookie.clone(),
            ttl: config.ttl,
            store,
        })
    }

    /// The session that a `Cookie` header names; its life is renewed. Must run on the I/O
    /// runtime.
    pub(crate) async fn load(&self, header: Option<&str>) -> Result<SessionDocument, SessionError> {
        let value = header
            .and_then(|header| cookie::find(header, &self.cookie.name))
            .ok_or(SessionError::Missing)?;
        let id = self
            .signer
            .unsign(&value)
            .ok_or(SessionError::BadSignature)?;
        let stored = match &self.store {
            Store::Embedded(store) => store.clone().load(id.to_owned()).await?,
            Store::Redis(store) => store.load(id).await?,
        };
        let Some(life) = Life::read(&stored.json) else {
            tracing::warn!("a session document is not a JSON object, it counts as none");
            return Err(SessionError::Unknown);
        };
        if stored.left.is_none() && life.has_ended(date::unix_millis()) {
            return Err(SessionError::Expired);
        }
        let full = self.renew(id, &stored, &life).await;
        let full = full.filter(|_| life.has_cookie_of(&self.cookie));
        Ok(SessionDocument {
            id: id.to_owned(),
            renewed_cookie: full.map(|full| self.set_cookie(id, full)),
            json: stored.json,
        })
    }

    /// Gives a used session its whole life again, never less than it has, and answers how long that
    /// is. Once a tenth of it passed is soon enough, and spares the store a write at each use.
    async fn renew(&self, id: &str, stored: &Stored, life: &Life) -> Option<Duration> {
        let full = life.length().unwrap_or(self.ttl);
        let due = stored.left.is_some_and(|left| left < full - full / 10);
        if !due {
            return None;
        }
        let renewed = match &self.store {
            Store::Embedded(store) => store.clone().renew(id.to_owned(), full).await,
            Store::Redis(store) => store.renew(id, full).await,
        };
        if let Err(error) = renewed {
            tracing::warn!(%error, "cannot renew a session, it keeps the life it has");
            return None;
        }
        Some(full)
    }

    /// Stores a new document under a fresh id. Must run on the I/O runtime.
    pub(crate) async fn create(&self, json: &str) -> Result<NewSession, SessionError> {
        let json = document::with_cookie(json, &self.cookie, self.ttl, date::unix_millis())
            .filter(|json| json.len() <= DOCUMENT_BYTES_MAX)
            .ok_or(SessionError::Malformed)?;
        let mut random = [0_u8; 24];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| SessionError::Unavailable)?;
        let id = URL_SAFE_NO_PAD.encode(random);
        match &self.store {
            Store::Embedded(store) => store.clone().save(id.clone(), json, self.ttl).await?,
            Store::Redis(store) => store.save(&id, &json, self.ttl).await?,
        }
        let set_cookie = self.set_cookie(&id, self.ttl);
        Ok(NewSession { id, set_cookie })
    }

    /// Removes the document; one that is not there is no error. Must run on the I/O runtime.
    pub(crate) async fn destroy(&self, id: &str) -> Result<(), SessionError> {
        match &self.store {
            Store::Embedded(store) => store.clone().remove(id.to_owned()).await,
            Store::Redis(store) => store.remove(id).await,
        }
    }

    fn set_cookie(&self, id: &str, life: Duration) -> String {
        let expires = date::unix_millis().saturating_add(millis(life));
        cookie::serialize(&self.cookie, &self.signer.sign(id), expires)
    }

    /// A `Set-Cookie` value that makes the browser forget its session.
    pub(crate) fn clear_cookie(&self) -> String {
        cookie::serialize(&self.cookie, "", 0)
    }
}

fn make_secret() -> Result<String, KeyError> {
    let mut secret = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| KeyError::Generate)?;
    Ok(STANDARD.encode(secret) + "\n")
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
