use std::rc::Rc;

use http::header::HeaderMap;
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::cookies::{self, Endpoint};
use super::front::Front;
use super::reply::{self, Reply};
use crate::auth::{Claims, SessionError};
use crate::plugin::PrincipalError;

pub(super) const PATH: &str = "/auth/ws";

const ENDPOINT: Endpoint = Endpoint {
    methods: "GET, POST",
    refuse: |refused| refused.reply(),
};

/// `/auth/ws`: swaps the session cookie for a token that holds the scopes.
pub(super) async fn answer(front: &Rc<Front>, request: Request<Incoming>) -> Reply {
    let swap = async |parts: &Parts, _, _| token(front, &parts.headers).await;
    ENDPOINT.answer(front, request, swap).await
}

async fn token(front: &Rc<Front>, headers: &HeaderMap) -> Reply {
    let cookies = cookies::text(headers);
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
        Ok(token) => {
            let swapped = json!({"token": token, "expires_in": ttl.as_secs()});
            let mut reply = reply::json_value(StatusCode::OK, &swapped);
            cookies::set(&mut reply, session.renewed_cookie);
            reply
        }
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
