use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;

/// The answer to an HTTP request.
pub type Reply = Response<Full<Bytes>>;

/// A JSON answer; `body` is JSON text.
pub(super) fn json_text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

pub(super) fn json_value(status: StatusCode, value: &serde_json::Value) -> Reply {
    json_text(status, value.to_string())
}

/// An error a program can act on (`error`) and a person can read (`message`).
pub(super) fn error(status: StatusCode, error: &str, message: &str) -> Reply {
    json_value(status, &json!({"error": error, "message": message}))
}

/// Why a request is refused before it is done; endpoints give it their own form.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// For programs.
    pub(super) error: &'static str,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
        }
    }

    pub(super) fn reply(&self) -> Reply {
        challenge(error(self.status, self.error, &self.message))
    }
}

/// A 401 says how to authenticate.
pub(super) fn challenge(mut reply: Reply) -> Reply {
    if reply.status() == StatusCode::UNAUTHORIZED {
        let headers = reply.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

/// A file's content.
pub(super) fn bytes(body: Bytes, kind: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(body));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

pub(super) fn text(status: StatusCode, body: &'static str) -> Reply {
    let body = Bytes::from_static(body.as_bytes());
    let mut reply = bytes(body, "text/plain; charset=utf-8");
    *reply.status_mut() = status;
    reply
}

/// A draining node refuses to the end: a closed listener would reset what is queued on it.
pub(super) fn draining() -> Reply {
    let mut reply = json_value(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({
            "error": "draining",
            "message": "this node is shutting down",
            "retryable": true,
        }),
    );
    reply
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}
