use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_HEADERS,
    COOKIE, HeaderMap, HeaderValue,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::json;

use super::front::Front;
use super::reply::{self, Reply};
use crate::auth::{Claims, SessionError};
use crate::plugin::PrincipalError;

/// `/auth/ws`: swaps the session cookie for a token that holds the scopes.
pub(super) async fn answer(front: &Rc<Front>, request: Request<Incoming>) -> Reply {
    let headers = request.headers();
    let origins = front.node.auth.origins();
    let mut reply = match origins.check_cookies(request.method(), headers).refusal() {
        Some(refusal) => {
            metrics::counter!("tidegate_refused_total", "reason" => "origin").increment(1);
            reply::error(
                StatusCode::FORBIDDEN,
                "forbidden-origin",
                &refusal.to_string(),
            )
        }
        None if request.method() == Method::OPTIONS => preflight(headers),
        None => token(front, headers).await,
    };
    origins.add_cors(headers, reply.headers_mut());
    reply
}

async fn token(front: &Rc<Front>, headers: &HeaderMap) -> Reply {
    let cookies = cookie_text(headers);
    let session = match front.node.auth.session(cookies.as_deref()).await {
        Ok(session) => session,
        Err(SessionError::Unavailable) => {
            let message = "sessions cannot be read now";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        }
        Err(error) => {
            return reply::error(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                &error.to_string(),
            );
        }
    };
    let identity = match front.node.principal(&session.json) {
        Ok(identity) => identity,
        Err(PrincipalError::Refused { code, message }) => {
            return reply::error(StatusCode::UNAUTHORIZED, &code, &message);
        }
        Err(_) => {
            let message = "the plugin that knows sessions failed";
            return reply::error(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        }
    };
    let ttl = front.node.auth.token_ttl();
    let claims = Claims {
        subject: identity.subject,
        scopes: identity
            .scopes
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
        session_id: Some(session.id),
        ttl,
    };
    match front.node.auth.mint(&claims) {
        Ok(token) => reply::json_value(
            StatusCode::OK,
            &json!({"token": token, "expires_in": ttl.as_secs()}),
        ),
        Err(error) => {
            tracing::error!(%error, "cannot make a token");
            reply::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "failed",
                "cannot make a token",
            )
        }
    }
}

/// A client may split its cookies over several headers.
fn cookie_text(headers: &HeaderMap) -> Option<String> {
    let parts: Vec<&str> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn preflight(headers: &HeaderMap) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let methods = HeaderValue::from_static("GET, POST");
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
