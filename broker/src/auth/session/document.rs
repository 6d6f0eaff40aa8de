//! The `cookie` member of a session document: how long the session lives.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{date, millis};
use crate::auth::{CookieConfig, SameSite};

/// What a document says of its life; anything else in it is the application's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Life {
    #[serde(default)]
    expires: Value,
    #[serde(default)]
    original_max_age: Value,
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
    let same_site = match config.same_site {
        SameSite::Strict => "strict",
        SameSite::Lax => "lax",
        SameSite::None => "none",
    };
    let mut cookie = json!({
        "originalMaxAge": millis(ttl),
        "expires": date::iso(now_ms.saturating_add(millis(ttl))),
        "httpOnly": config.http_only,
        "path": "/",
        "sameSite": same_site,
    });
    if config.secure {
        cookie["secure"] = Value::Bool(true);
    }
    if let Some(domain) = &config.domain {
        cookie["domain"] = Value::String(domain.clone());
    }
    document.insert("cookie".to_owned(), cookie);
    serde_json::to_string(&document).ok()
}
