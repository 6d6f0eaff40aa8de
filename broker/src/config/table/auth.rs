use super::super::check;
use super::super::raw::{Secure, SessionBackend};
use super::{DAY, Kind, Setting, count, duration, list, optional, text};
use crate::auth::SameSite;

const SECURE: [Secure; 3] = [Secure::Auto, Secure::Always, Secure::Never];
const SAME_SITE: [SameSite; 3] = [SameSite::Strict, SameSite::Lax, SameSite::None];
const STORES: [SessionBackend; 3] = [
    SessionBackend::Auto,
    SessionBackend::Embedded,
    SessionBackend::Redis,
];

pub(super) const AUTH: &[Setting] = &[
    Setting::new(
        "auth.keys",
        list(|r| &mut r.auth.keys, check::not_empty),
        "Private keys, PEM text or files; the first signs, all verify (rotation). Required on fly.io.",
    )
    .env("TIDEGATE_KEYS")
    .unset("`keys.pem` in `server.data`, made at the first start")
    .secret(),
    Setting::new(
        "auth.trusted_keys",
        list(|r| &mut r.auth.trusted_keys, check::not_empty),
        "Public keys of another issuer whose tokens are taken too, PEM text or files.",
    ),
    Setting::new(
        "auth.trusted_secret",
        optional(|r| &mut r.auth.trusted_secret, check::not_empty),
        "HMAC secret of another issuer whose tokens are taken too.",
    )
    .secret(),
    Setting::new(
        "auth.jwks_url",
        optional(|r| &mut r.auth.jwks_url, check::http_url),
        "JWKS of another issuer whose tokens are taken too.",
    )
    .env("JWKS_URL"),
    Setting::new(
        "auth.issuer",
        text(|r| &mut r.auth.issuer, check::not_empty),
        "`iss` that our own tokens get and must have.",
    ),
    Setting::new(
        "auth.audience",
        text(|r| &mut r.auth.audience, check::not_empty),
        "`aud` that our own tokens get and must have.",
    ),
    Setting::new(
        "auth.foreign_issuer",
        optional(|r| &mut r.auth.foreign_issuer, check::not_empty),
        "`iss` that another issuer's tokens must have; unset = any.",
    ),
    Setting::new(
        "auth.foreign_audience",
        optional(|r| &mut r.auth.foreign_audience, check::not_empty),
        "`aud` that another issuer's tokens must have; unset = any.",
    ),
    Setting::new(
        "auth.leeway",
        duration(|r| &mut r.auth.leeway, 0, 600),
        "Clock difference allowed for `exp` and `nbf`.",
    ),
    Setting::new(
        "auth.token_ttl",
        duration(|r| &mut r.auth.token_ttl, 1_000, 30 * DAY),
        "Life of the tokens that `/auth/ws` gives.",
    ),
    Setting::new(
        "auth.revocation_ttl",
        duration(|r| &mut r.auth.revocation_ttl, 1_000, 30 * DAY),
        "How long a revoked session's or subject's tokens are refused: at least the longest life of a token. Never shorter than `auth.token_ttl`.",
    ),
    Setting::new(
        "auth.remembered_tokens",
        count(|r| &mut r.auth.remembered_tokens, 1, 10_000_000),
        "Verified tokens that a node remembers.",
    ),
];

pub(super) const SESSION: &[Setting] = &[
    Setting::new(
        "session.secrets",
        list(|r| &mut r.session.secrets, check::not_empty),
        "Secrets of the session cookie, comma-separated; the first signs, all verify (rotation).",
    )
    .env("SESSION_SECRET")
    .unset("made at the first start in `server.data`")
    .secret(),
    Setting::new(
        "session.domain",
        optional(|r| &mut r.session.cookie.domain, check::domain),
        "Domain of the session cookie. Unless `session.allowed_origins` is set, its pages and those of its subdomains may use cookies and upgrade.",
    )
    .env("SESSION_DOMAIN"),
    Setting::new(
        "session.cookie",
        text(|r| &mut r.session.cookie.name, check::cookie_name),
        "Name of the session cookie.",
    ),
    Setting::new(
        "session.secure",
        Kind::Choice {
            of: &["auto", "true", "false"],
            get: |r| {
                SECURE
                    .iter()
                    .position(|s| *s == r.session.secure)
                    .unwrap_or(0)
            },
            set: |r, index| r.session.secure = SECURE[index],
        },
        "Whether the cookie is for HTTPS only; `auto` = if `session.domain` is set or on fly.io.",
    ),
    Setting::new(
        "session.http_only",
        Kind::Switch(|r| &mut r.session.cookie.http_only),
        "Whether the cookie is hidden from scripts.",
    ),
    Setting::new(
        "session.same_site",
        Kind::Choice {
            of: &["strict", "lax", "none"],
            get: |r| {
                SAME_SITE
                    .iter()
                    .position(|s| *s == r.session.cookie.same_site)
                    .unwrap_or(1)
            },
            set: |r, index| r.session.cookie.same_site = SAME_SITE[index],
        },
        "`SameSite` of the cookie; `none` needs a secure one.",
    ),
    Setting::new(
        "session.store",
        Kind::Choice {
            of: &["auto", "embedded", "redis"],
            get: |r| {
                STORES
                    .iter()
                    .position(|s| *s == r.session.store)
                    .unwrap_or(0)
            },
            set: |r, index| r.session.store = STORES[index],
        },
        "Where session documents live; `auto` = Redis if `redis.url` is set.",
    ),
    Setting::new(
        "session.redis_prefix",
        text(|r| &mut r.session.redis_prefix, check::anything),
        "Prefix of the session keys in Redis, as connect-redis keeps them.",
    ),
    Setting::new(
        "session.ttl",
        duration(|r| &mut r.session.ttl, 1_000, 400 * DAY),
        "Life of a session and its cookie, renewed by use.",
    ),
    Setting::new(
        "session.allowed_origins",
        list(|r| &mut r.session.allowed_origins, check::origin),
        "Origins whose pages may use cookies and upgrade, its own included; `*` = any, without cookies.",
    )
    .unset("own host, `session.domain` and its subdomains"),
];
