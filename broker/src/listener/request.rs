//! What requests bring: a token, a bounded body.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::front::Front;
use super::reply::Refused;
use crate::auth::{Principal, TokenError};

/// The token of `Authorization: Bearer`; `None` = there is none, or another scheme.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    // Without a token it is a bad one: who means to authenticate is not taken for nobody.
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) fn unauthenticated(message: impl Into<String>) -> Refused {
    Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
}

/// Whom a token speaks for.
pub(super) async fn verified(front: &Rc<Front>, token: &str) -> Result<Arc<Principal>, Refused> {
    let auth = &front.node.auth;
    if let Some(principal) = auth.remembered(token) {
        return Ok(principal);
    }
    auth.verify(token).await.map_err(|error| match error {
        TokenError::Unavailable => Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "tokens cannot be verified now",
        ),
        other => unauthenticated(other.to_string()),
    })
}

/// The whole body, at most `limits.body_bytes` of it, within `limits.handshake_timeout`.
pub(super) async fn body(front: &Rc<Front>, body: Incoming) -> Result<Bytes, Refused> {
    let limit = front.node.limits.body_bytes;
    let timeout = front.node.limits.handshake_timeout;
    let collecting = Limited::new(body, limit).collect();
    let Ok(collected) = tokio::time::timeout(timeout, collecting).await else {
        let message = format!("the body was not there after {} ms", timeout.as_millis());
        let status = StatusCode::REQUEST_TIMEOUT;
        return Err(Refused::new(status, "timeout", message));
    };
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Refused::new(status, "too-large", message))
        }
        Err(_) => {
            let message = "the body broke off";
            Err(Refused::new(
                StatusCode::BAD_REQUEST,
                "bad-request",
                message,
            ))
        }
    }
}
