//! What `POST /publish` and `POST /ingest/{topic}` have in common: only services may, and bodies
//! are bounded.

use std::rc::Rc;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::front::Front;
use super::reply::{Refused, Reply};
use super::request;

/// The scope a service needs.
const SCOPE: &str = "tidegate:publish";

/// The body of a service's request, or the answer that refuses it.
pub(super) async fn body(front: &Rc<Front>, request: Request<Incoming>) -> Result<Bytes, Reply> {
    let checked = check_token(front, request.headers()).await;
    checked.map_err(|refused| refused.reply())?;
    let body = request::body(front, request.into_body()).await;
    body.map_err(|refused| refused.reply())
}

async fn check_token(front: &Rc<Front>, headers: &HeaderMap) -> Result<(), Refused> {
    let token = request::bearer(headers).ok_or_else(|| {
        request::unauthenticated("a service token is needed: Authorization: Bearer <token>")
    })?;
    let principal = request::verified(front, token).await?;
    if principal.scopes.split(' ').any(|scope| scope == SCOPE) {
        return Ok(());
    }
    let message = format!("the token needs the scope {SCOPE}");
    Err(Refused::new(
        StatusCode::FORBIDDEN,
        "missing-scope",
        message,
    ))
}
