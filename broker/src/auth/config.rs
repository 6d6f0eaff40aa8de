//! Checked settings of keys, tokens, sessions and origins.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone)]
pub struct AuthConfig {
    /// Signing and verification keys, the first private one signs. Empty = `data/keys.pem`, made
    /// atomically at the first start.
    pub keys: Vec<KeySource>,
    /// Folder for keys and stores.
    pub data: PathBuf,
    /// Public keys (PEM) or an HMAC secret of another issuer whose tokens are taken too.
    pub trusted: Vec<KeySource>,
    pub trusted_secret: Option<String>,
    /// A remote JWKS whose tokens are taken too.
    pub jwks_url: Option<url::Url>,
    /// `iss` and `aud` that our own tokens get and that are asked of them.
    pub issuer: String,
    pub audience: String,
    /// `iss` and `aud` asked of foreign tokens; `None` = not checked.
    pub foreign_issuer: Option<String>,
    pub foreign_audience: Option<String>,
    /// Clock difference allowed for `exp` and `nbf`.
    pub leeway: Duration,
    /// Life of the tokens `/auth/ws` makes.
    pub token_ttl: Duration,
    /// How long a revocation is kept; at least `token_ttl` and twice the leeway, whatever it says.
    pub revocation_ttl: Duration,
    /// Verified tokens remembered per node.
    pub remembered_tokens: usize,
    pub session: SessionConfig,
}

/// PEM text or a file that holds it (one or more keys).
#[derive(Clone)]
pub enum KeySource {
    Pem(String),
    File(PathBuf),
}

#[derive(Clone)]
pub struct SessionConfig {
    /// The first signs, all verify (rotation). Empty = made at the first start in `data`.
    pub secrets: Vec<String>,
    pub cookie: CookieConfig,
    pub store: SessionStore,
    /// Life of a session document and its cookie, renewed by use.
    pub ttl: Duration,
    /// Origins whose pages may use cookies and upgrade, its own included. Empty = own host,
    /// `cookie.domain` and its subdomains. `*` = any (not with cookies).
    pub allowed_origins: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieConfig {
    /// `connect.sid`, as express-session names it.
    pub name: String,
    pub domain: Option<String>,
    pub secure: bool,
    pub http_only: bool,
    pub same_site: SameSite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    Strict,
    Lax,
    None,
}

#[derive(Clone)]
pub enum SessionStore {
    /// `data/sessions.redb`.
    Embedded,
    /// `<prefix><id>` keys as connect-redis keeps them (`sess:`).
    Redis { url: String, prefix: String },
}
