//! Who a client is: keys, tokens, session cookies, origins. Knows nothing of topics.

pub mod config;
mod jwks;
pub mod keys;
mod origin;
mod session;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

pub use config::{AuthConfig, CookieConfig, KeySource, SameSite, SessionConfig, SessionStore};
pub use keys::{KeyAlgorithm, KeyError, KeySet};
pub use origin::{BadOrigin, OriginRefusal, OriginVerdict, Origins};
pub use session::{NewSession, SessionDocument, SessionError, SessionStartError};
pub use token::{Claims, Mint, TOKEN_BYTES_MAX, TokenError};

use jwks::RemoteKeys;
use session::Sessions;
use token::{Checked, Remembered, Revocations, Rules, Verifier};

/// Who a verified token speaks for. An anonymous caller has an empty subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    pub subject: Box<str>,
    /// Separated by single spaces.
    pub scopes: Box<str>,
    /// When the token stops being taken, its leeway included. Seconds since 1970; 0 = never
    /// (anonymous only).
    pub expires_at: u64,
    /// When the token was issued, by its issuer's clock. Seconds since 1970; 0 = it does not say.
    pub issued_at: u64,
    /// The session it was made from (`sid` claim).
    pub session_id: Option<Box<str>>,
}

/// Why authentication cannot start or a token cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Session(#[from] SessionStartError),
    #[error(transparent)]
    Origin(#[from] BadOrigin),
    #[error("cannot make the HTTP client for the jwks")]
    Jwks(#[source] reqwest::Error),
    #[error("this process is stopping")]
    Stopping,
}

/// A handle; all clones are one. What waits or computes runs on the runtime it was started on,
/// so workers may await it.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    io: Handle,
    mint: Mint,
    jwks_json: Bytes,
    verifier: Arc<Verifier>,
    remote: Option<Arc<RemoteKeys>>,
    remembered: Remembered,
    revocations: Arc<Revocations>,
    leeway: Duration,
    /// Signature checks at one time: as many as there are cores, so that a crowd of reconnecting
    /// clients does not start hundreds of threads.
    checking: Arc<Semaphore>,
    sessions: Arc<Sessions>,
    origins: Origins,
    token_ttl: Duration,
}

impl Auth {
    /// Reads or makes the keys and the cookie secret, opens the session store and starts to
    /// fetch a remote JWKS, whose issuer need not be up. Call it on the I/O runtime.
    pub async fn start(config: AuthConfig) -> Result<Self, AuthError> {
        let io = Handle::current();
        let loading = io.spawn_blocking(move || Inner::load(&config, Handle::current()));
        let inner = Arc::new(loading.await.map_err(|_| AuthError::Stopping)??);
        if let Some(remote) = inner.remote.clone() {
            io.spawn(async move { remote.fetch_if_due().await });
        }
        Ok(Self(inner))
    }

    /// Who a token speaks for if it was verified here before: a hash and a look-up. Whoever
    /// gets `None` asks [`Auth::verify`].
    pub fn remembered(&self, token: &str) -> Option<Arc<Principal>> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        self.0.remembered.get(token, unix_now())
    }

    /// Verifies a token of this broker, of a trusted key or secret, or of the remote JWKS, and
    /// remembers it. Cancel-safe: the check goes on and is remembered.
    pub async fn verify(&self, token: &str) -> Result<Arc<Principal>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        if let Some(principal) = self.remembered(token) {
            return Ok(principal);
        }
        let (inner, token) = (self.0.clone(), Arc::<str>::from(token));
        let verifying = self.0.io.spawn(async move { inner.verify(token).await });
        verifying.await.unwrap_or(Err(TokenError::Unavailable))
    }

    /// A token signed with this broker's first private key. Computes one signature on the
    /// calling thread.
    pub fn mint(&self, claims: &Claims) -> Result<String, AuthError> {
        Ok(self.0.mint.mint(claims)?)
    }

    /// Life of the tokens that `/auth/ws` makes.
    pub fn token_ttl(&self) -> Duration {
        self.0.token_ttl
    }

    /// The answer to `/.well-known/jwks.json`.
    pub fn jwks_json(&self) -> Bytes {
        self.0.jwks_json.clone()
    }

    /// Refuses the tokens made from a session from now on, on this node. A restart forgets it;
    /// tokens then last until they expire.
    pub fn revoke_session(&self, session_id: &str) {
        self.0.revocations.add_session(session_id, unix_now());
        counter!("tidegate_auth_revocations_total", "of" => "session").increment(1);
    }

    /// Refuses the tokens of a subject that were issued until then (seconds since 1970, and all
    /// that do not say when), on this node. A restart forgets it.
    pub fn revoke_subject(&self, subject: &str, issued_until: u64) {
        let revocations = &self.0.revocations;
        revocations.add_subject(subject, issued_until, unix_now());
        counter!("tidegate_auth_revocations_total", "of" => "subject").increment(1);
    }

    /// As [`Auth::revoke_subject`] for all tokens issued by now, by the clock of any node: clocks
    /// differ by the leeway at most. Answers until when, for the other nodes.
    pub fn revoke_subject_now(&self, subject: &str) -> u64 {
        let issued_until = unix_now().saturating_add(self.0.leeway.as_secs());
        self.revoke_subject(subject, issued_until);
        issued_until
    }

    /// How many revocations there have been on this node: whoever holds a principal asks
    /// [`Auth::is_revoked`] again when it has grown. One atomic load.
    pub fn revocations(&self) -> u64 {
        self.0.revocations.count()
    }

    /// Whether the principal's token is refused by now. Takes a lock: not for every message.
    pub fn is_revoked(&self, principal: &Principal) -> bool {
        self.0.revocations.covers(principal)
    }

    /// Whether the session's own end was announced, though it may still be stored. That its subject was
    /// logged out does not count. Takes a lock if there was a revocation.
    pub fn is_session_revoked(&self, session_id: &str) -> bool {
        self.0.revocations.covers_session(session_id)
    }

    /// The document of the session that the `Cookie` header names; this renews its life, and its
    /// cookie's if whoever asks passes that on.
    /// Cancel-safe.
    pub async fn session(
        &self,
        cookie_header: Option<&str>,
    ) -> Result<SessionDocument, SessionError> {
        let header = cookie_header.map(str::to_owned);
        let sessions = self.0.sessions.clone();
        let load = async move { sessions.load(header.as_deref()).await };
        let result = self.on_io(load).await;
        let label = result.as_ref().map_or_else(|error| error.label(), |_| "ok");
        counter!("tidegate_auth_sessions_total", "result" => label).increment(1);
        result
    }

    /// Stores a new session document, a JSON object; express-session's `cookie` member is added.
    /// Not cancel-safe: the session may exist without anybody knowing its id.
    pub async fn create_session(&self, json: &str) -> Result<NewSession, SessionError> {
        let json = json.to_owned();
        let sessions = self.0.sessions.clone();
        self.on_io(async move { sessions.create(&json).await })
            .await
    }

    /// Removes a session and revokes its tokens on this node; `node::Logout` tells the others. Tokens
    /// are revoked even if the store fails. Cancel-safe: the removal goes on.
    pub async fn destroy_session(&self, id: &str) -> Result<(), SessionError> {
        self.revoke_session(id);
        let id = id.to_owned();
        let sessions = self.0.sessions.clone();
        self.on_io(async move { sessions.destroy(&id).await }).await
    }

    /// A `Set-Cookie` value that makes the browser forget its session.
    pub fn clear_cookie(&self) -> String {
        self.0.sessions.clear_cookie()
    }

    pub fn origins(&self) -> &Origins {
        &self.0.origins
    }

    async fn on_io<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SessionError>> + Send + 'static,
    ) -> Result<T, SessionError> {
        let done = self.0.io.spawn(work).await;
        done.unwrap_or(Err(SessionError::Unavailable))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("mint", &self.0.mint)
            .field("remote", &self.0.remote)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn load(config: &AuthConfig, io: Handle) -> Result<Self, AuthError> {
        let mint = Mint::load(config)?;
        mint.keys().signing()?;
        let leeway = config.leeway.as_secs();
        let own_rules = Rules {
            issuer: Some(config.issuer.clone()),
            audience: Some(config.audience.clone()),
            leeway,
        };
        let foreign_rules = Rules {
            issuer: config.foreign_issuer.clone(),
            audience: config.foreign_audience.clone(),
            leeway,
        };
        let trusted = keys::load_trusted(&config.trusted, config.trusted_secret.as_deref())?;
        let remote = config.jwks_url.clone().map(RemoteKeys::new).transpose();
        let own_life = config.token_ttl.saturating_add(config.leeway * 2);
        let life = own_life.max(config.revocation_ttl).as_secs();
        let revocations = Arc::new(Revocations::new(life));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            io,
            jwks_json: mint.keys().jwks_json().into(),
            verifier: Arc::new(Verifier::new(
                mint.keys().clone(),
                trusted,
                own_rules,
                foreign_rules,
            )),
            mint,
            remote: remote.map_err(AuthError::Jwks)?.map(Arc::new),
            remembered: Remembered::new(config.remembered_tokens, revocations.clone()),
            revocations,
            leeway: config.leeway,
            checking: Arc::new(Semaphore::new(cores)),
            sessions: Arc::new(Sessions::open(&config.session, &config.data)?),
            origins: Origins::new(&config.session)?,
            token_ttl: config.token_ttl,
        })
    }

    async fn verify(&self, token: Arc<str>) -> Result<Arc<Principal>, TokenError> {
        let result = self
            .check(&token)
            .await
            .map(Arc::new)
            .and_then(|principal| {
                if self.remembered.insert(&token, &principal) {
                    Ok(principal)
                } else {
                    Err(TokenError::Revoked)
                }
            });
        let label = result.as_ref().map_or_else(|error| error.label(), |_| "ok");
        counter!("tidegate_auth_tokens_verified_total", "result" => label).increment(1);
        gauge!("tidegate_auth_remembered_tokens").set(self.remembered.len() as f64);
        result
    }

    async fn check(&self, token: &Arc<str>) -> Result<Principal, TokenError> {
        let (verifier, text) = (self.verifier.clone(), token.clone());
        let local = self
            .off_path(move || verifier.check(&text, unix_now()))
            .await?;
        let wanted = match local {
            Checked::Valid(principal) => return Ok(principal),
            Checked::Refused(error) => return Err(error),
            Checked::Elsewhere(wanted) => wanted,
        };
        let Some(remote) = &self.remote else {
            return Err(wanted.otherwise);
        };
        let found = remote.find(wanted.kid.as_deref(), wanted.algorithm).await;
        let keys = found.map_err(|_| TokenError::Unavailable)?;
        let (verifier, text) = (self.verifier.clone(), token.clone());
        self.off_path(move || verifier.check_remote(&text, &wanted, &keys, unix_now()))
            .await?
    }

    /// Signature checks take long enough to hold up what else the I/O runtime carries.
    async fn off_path<T: Send + 'static>(
        &self,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, TokenError> {
        let permit = self.checking.clone().acquire_owned().await;
        let permit = permit.map_err(|_| TokenError::Unavailable)?;
        let checked = self.io.spawn_blocking(move || {
            let _permit = permit;
            check()
        });
        checked.await.map_err(|_| TokenError::Unavailable)
    }
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// Says what this layer's metrics mean.
pub fn describe_metrics() {
    describe_counter!(
        "tidegate_auth_tokens_verified_total",
        "tokens that were not remembered and had to be checked, by result"
    );
    describe_gauge!(
        "tidegate_auth_remembered_tokens",
        "verified tokens remembered on this node"
    );
    describe_counter!(
        "tidegate_auth_revocations_total",
        "sessions and subjects whose tokens this node refuses since, made here or announced by another node, by `of`"
    );
    describe_counter!(
        "tidegate_auth_jwks_fetches_total",
        "fetches of the remote JWKS, by result"
    );
    describe_counter!(
        "tidegate_auth_sessions_total",
        "session cookies that were looked up, by result"
    );
}

#[cfg(test)]
mod tests;
