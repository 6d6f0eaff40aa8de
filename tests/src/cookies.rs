//! Session cookies and documents as express-session and connect-redis make them.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use redis::AsyncTypedCommands;
use serde_json::{Value, json};

use crate::redis::Redis;

/// `connect.sid=s:<id>.<signature>`, percent-encoded as the npm package `cookie` does it.
pub fn cookie(id: &str, secret: &str) -> String {
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), id.as_bytes());
    let signature = STANDARD_NO_PAD.encode(tag);
    let signature = signature.replace('+', "%2B").replace('/', "%2F");
    format!("connect.sid=s%3A{id}.{signature}")
}

/// A session document of a logged-in user.
pub fn document(user: &str, scopes: &[&str]) -> Value {
    json!({
        "cookie": {
            "originalMaxAge": 3_600_000, "expires": "2999-01-01T00:00:00.000Z",
            "httpOnly": true, "path": "/"
        },
        "user": {"id": user, "scopes": scopes}
    })
}

/// Stores `sess:<id>`.
pub async fn store(redis: &Redis, id: &str, document: &Value) {
    let mut connection = redis.connection().await;
    let stored = connection
        .set_ex(format!("sess:{id}"), document.to_string(), 3600)
        .await;
    stored.expect("the session is stored");
}
