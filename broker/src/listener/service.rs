//! What `POST /publish` and `POST /ingest/{topic}` have in common: only services may, and bodies
//! are bounded.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::front::Front;
use super::reply::{self, Reply};
use crate::auth::TokenError;

/// The scope a service needs.
const SCOPE: &str = "tidegate:publish";

/// The body of a service's request, or the answer that refuses it.
pub(super) async fn body(front: &Rc<Front>, request: Request<Incoming>) -> Result<Bytes, Reply> {
    check_token(front, request.headers()).await?;
    let limit = front.node.limits.body_bytes;
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes");
            Err(reply::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                &message,
            ))
        }
        Err(_) => Err(reply::error(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "the body broke off",
        )),
    }
}

async fn check_token(front: &Rc<Front>, headers: &HeaderMap) -> Result<(), Reply> {
    let unauthorized = |message: &str| {
        let mut reply = reply::error(StatusCode::UNAUTHORIZED, "unauthenticated", message);
        reply
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        reply
    };
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| unauthorized("a service token is needed: Authorization: Bearer <token>"))?;
    let auth = &front.node.auth;
    let principal = match auth.remembered(token) {
        Some(principal) => principal,
        None => auth.verify(token).await.map_err(|error| match error {
            TokenError::Unavailable => reply::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "tokens cannot be verified now",
            ),
            other => unauthorized(&other.to_string()),
        })?,
    };
    if principal.scopes.split(' ').any(|scope| scope == SCOPE) {
        return Ok(());
    }
    let message = format!("the token needs the scope {SCOPE}");
    Err(reply::error(
        StatusCode::FORBIDDEN,
        "missing-scope",
        &message,
    ))
}
