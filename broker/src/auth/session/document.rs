//! The `cookie` member of a session document: how long the session lives.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{date, millis};
use crate::auth::{CookieConfig, SameSite};

/// What a document says of its life and its cookie; anything else in it is the application's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Life {
    #[serde(default)]
    expires: Value,
    #[serde(default)]
    original_max_age: Value,
    /// The cookie's attributes.
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

impl Life {
    /// `None` = not a JSON object. A document without a readable `cookie` has no opinion.
    pub(super) fn read(json: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(default)]
            cookie: Value,
        }
        // serde also reads a struct from an array.
        if !json.trim_start().starts_with('{') {
            return None;
        }
        let document: Document = serde_json::from_str(json).ok()?;
        Some(serde_json::from_value(document.cookie).unwrap_or_default())
    }

    /// Whether `cookie.expires` has passed; an unreadable one has.
    pub(super) fn has_ended(&self, now_ms: i64) -> bool {
        match &self.expires {
            Value::Null => false,
            Value::String(text) => date::parse_iso(text).is_none_or(|end| end <= now_ms),
            _ => true,
        }
    }

    /// Whether its cookie lives as long and is for the same requests as one that is made by `config`.
    pub(super) fn has_cookie_of(&self, config: &CookieConfig) -> bool {
        self.length().is_some() && self.attributes == attributes(config)
    }

    /// Its whole life (`originalMaxAge`, in milliseconds), if the application set one.
    pub(super) fn length(&self) -> Option<Duration> {
        self.original_max_age
            .as_u64()
            .filter(|ms| *ms > 0)
            .map(Duration::from_millis)
    }
}

/// The document with the `cookie` member that express-session expects in it. `None` = not a JSON
/// object.
pub(super) fn with_cookie(
    json: &str,
    config: &CookieConfig,
    ttl: Duration,
    now_ms: i64,
) -> Option<String> {
    let mut document: Map<String, Value> = serde_json::from_str(json).ok()?;
    let mut cookie = attributes(config);
    let end = date::iso(now_ms.saturating_add(millis(ttl)));
    cookie.insert("originalMaxAge".into(), millis(ttl).into());
    cookie.insert("expires".into(), end.into());
    document.insert("cookie".to_owned(), cookie.into());
    serde_json::to_string(&document).ok()
}

/// As express-session writes them.
fn attributes(config: &CookieConfig) -> Map<String, Value> {
    let mut attributes = Map::new();
    let same_site = match config.same_site {
        SameSite::Strict => "strict",
        SameSite::Lax => "lax",
        SameSite::None => "none",
    };
    attributes.insert("httpOnly".into(), config.http_only.into());
    attributes.insert("path".into(), "/".into());
    attributes.insert("sameSite".into(), same_site.into());
    if config.secure {
        attributes.insert("secure".into(), true.into());
    }
    if let Some(domain) = &config.domain {
        attributes.insert("domain".into(), domain.as_str().into());
    }
    attributes
}
