//! What the endpoints have in common at which a cookie counts (`/auth/ws`, `POST /call`): whose
//! pages may ask, CORS, and the cookies themselves.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_HEADERS,
    ALLOW, COOKIE, HeaderMap, HeaderValue, SET_COOKIE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use super::front::Front;
use super::reply::{self, Refused, Reply};
use crate::auth::OriginVerdict;

/// An endpoint at which cookies count.
pub(super) struct Endpoint {
    /// Beside OPTIONS.
    pub(super) methods: &'static str,
    /// The form of its errors.
    pub(super) refuse: fn(Refused) -> Reply,
}

impl Endpoint {
    /// Has `handle` answer what may be asked; pages of allowed origins can read every answer.
    pub(super) async fn answer(
        &self,
        front: &Rc<Front>,
        request: Request<Incoming>,
        handle: impl AsyncFnOnce(&Parts, Incoming, OriginVerdict) -> Reply,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let origins = front.node.auth.origins();
        let verdict = origins.check_cookies(&parts.method, &parts.headers);
        let mut reply = match verdict.refusal() {
            Some(refusal) => {
                metrics::counter!("tidegate_refused_total", "reason" => "origin").increment(1);
                let message = refusal.to_string();
                let status = StatusCode::FORBIDDEN;
                (self.refuse)(Refused::new(status, "forbidden-origin", message))
            }
            None if parts.method == Method::OPTIONS => self.preflight(&parts.headers),
            None if front.lifecycle.is_draining() => reply::draining(),
            None if !self.takes(&parts.method) => self.wrong_method(),
            None => handle(&parts, body, verdict).await,
        };
        origins.add_cors(&parts.headers, reply.headers_mut());
        reply
    }

    fn takes(&self, method: &Method) -> bool {
        self.methods.split(", ").any(|one| one == method.as_str())
    }

    fn wrong_method(&self) -> Reply {
        let allowed = format!("{}, OPTIONS", self.methods);
        let refused = Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            format!("this endpoint takes {allowed}"),
        );
        let mut reply = (self.refuse)(refused);
        if let Ok(allowed) = HeaderValue::try_from(allowed) {
            reply.headers_mut().insert(ALLOW, allowed);
        }
        reply
    }

    fn preflight(&self, headers: &HeaderMap) -> Reply {
        let mut reply = Response::new(Full::new(Bytes::new()));
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let methods = HeaderValue::from_static(self.methods);
        reply
            .headers_mut()
            .insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            reply
                .headers_mut()
                .insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        reply
    }
}

/// A client may split its cookies over several headers.
pub(super) fn text(headers: &HeaderMap) -> Option<String> {
    let parts: Vec<&str> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Has the browser keep a `Set-Cookie` value, if there is one.
pub(super) fn set(reply: &mut Reply, cookie: Option<String>) {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
}
