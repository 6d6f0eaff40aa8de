//! The session cookie as express-session writes and reads it (npm `cookie` 0.7 and
//! `cookie-signature` 1).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::date;
use crate::auth::{CookieConfig, SameSite};
use crate::percent;

/// The first secret signs, all verify.
pub(super) struct Signer(Vec<Key>);

impl Signer {
    pub(super) fn new(secrets: &[String]) -> Self {
        let key = |secret: &String| Key::new(HMAC_SHA256, secret.as_bytes());
        Self(secrets.iter().map(key).collect())
    }

    /// `s:<id>.<signature>`, not yet URL-encoded.
    pub(super) fn sign(&self, id: &str) -> String {
        let mac = self.0.first().map(|key| mac(key, id)).unwrap_or_default();
        format!("s:{id}.{mac}")
    }

    /// The id of a decoded cookie value that one of the secrets signed.
    pub(super) fn unsign<'a>(&self, value: &'a str) -> Option<&'a str> {
        let (id, given) = value.strip_prefix("s:")?.rsplit_once('.')?;
        let signed = self
            .0
            .iter()
            .any(|key| verify_slices_are_equal(mac(key, id).as_bytes(), given.as_bytes()).is_ok());
        (signed && !id.is_empty()).then_some(id)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("secrets", &self.0.len())
            .finish()
    }
}

fn mac(key: &Key, id: &str) -> String {
    STANDARD_NO_PAD.encode(sign(key, id.as_bytes()))
}

/// The decoded value of the first cookie of this name.
pub(super) fn find(header: &str, name: &str) -> Option<String> {
    let blank = |c| c == ' ' || c == '\t';
    header.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        if key.trim_matches(blank) != name {
            return None;
        }
        let value = value.trim_matches(blank);
        let inner = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let value = inner.unwrap_or(value);
        Some(percent::decode(value).unwrap_or_else(|| value.to_owned()))
    })
}

/// JavaScript's `encodeURIComponent`.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    encoded
}

/// A `Set-Cookie` value, its attributes in express-session's order.
pub(super) fn serialize(config: &CookieConfig, value: &str, expires_ms: i64) -> String {
    let mut cookie = format!("{}={}", config.name, encode(value));
    if let Some(domain) = &config.domain {
        cookie.push_str("; Domain=");
        cookie.push_str(domain);
    }
    cookie.push_str("; Path=/; Expires=");
    cookie.push_str(&date::http(expires_ms));
    if config.http_only {
        cookie.push_str("; HttpOnly");
    }
    if config.secure {
        cookie.push_str("; Secure");
    }
    cookie.push_str(match config.same_site {
        SameSite::Strict => "; SameSite=Strict",
        SameSite::Lax => "; SameSite=Lax",
        SameSite::None => "; SameSite=None",
    });
    cookie
}
