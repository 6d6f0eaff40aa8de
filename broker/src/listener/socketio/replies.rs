//! Answers as the reference server gives them.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_HEADERS,
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::identity::NoRandomness;
use crate::listener::reply::{self, Reply};
use crate::protocol::engineio::Refusal;

const HTML: HeaderValue = HeaderValue::from_static("text/html");

fn reply_of(status: StatusCode, kind: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// The answer to a GET.
pub(super) fn packets(body: Bytes) -> Reply {
    let text = HeaderValue::from_static("text/plain; charset=UTF-8");
    reply_of(StatusCode::OK, text, body)
}

/// The answer to a POST that was taken.
pub(super) fn taken(body: Bytes) -> Reply {
    reply_of(StatusCode::OK, HTML, body)
}

pub(super) fn too_big() -> Reply {
    let mut reply = reply_of(StatusCode::PAYLOAD_TOO_LARGE, HTML, Bytes::new());
    // The rest of the body is not read.
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(CONNECTION, close);
    reply
}

/// JSON with a numeric code; to an upgrade the bare message, and the connection is closed.
pub(super) fn refused(refusal: Refusal, websocket: bool) -> Reply {
    if websocket {
        let message = Bytes::from_static(refusal.message().as_bytes());
        let mut reply = reply_of(StatusCode::BAD_REQUEST, HTML, message);
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
        return reply;
    }
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    reply::json_text(status, refusal.json())
}

pub(super) fn preflight(request: &HeaderMap) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let headers = reply.headers_mut();
    let methods = HeaderValue::from_static("GET, POST");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    reply
}

/// Asks fly.io's proxy to repeat the request on another machine.
pub(super) fn replay(machine: &str) -> Option<Reply> {
    let to = format!("instance={machine};timeout=2s;fallback=force_self");
    let to = HeaderValue::from_str(&to).ok()?;
    let mut reply = reply_of(StatusCode::TEMPORARY_REDIRECT, HTML, Bytes::new());
    let name = HeaderName::from_static("fly-replay");
    reply.headers_mut().insert(name, to);
    Some(reply)
}

pub(super) fn failed(error: &NoRandomness) -> Reply {
    tracing::error!(%error, "cannot begin a session");
    let message = "a session cannot be begun now";
    reply::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
}
