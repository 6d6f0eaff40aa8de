use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderMap;
use http::request::Parts;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use serde_json::value::RawValue;

use super::cookies::{self, Endpoint};
use super::front::Front;
use super::reply::{self, Refused, Reply};
use super::request;
use crate::auth::{OriginVerdict, Principal, SessionDocument, SessionError};
use crate::plugin::{
    Call, CallRefused, Called, Caller, CookieChange, NotAdmitted, PrincipalError, Transport,
};

pub(super) const PATH: &str = "/call/";

const ENDPOINT: Endpoint = Endpoint {
    methods: "POST",
    refuse: |refused| Failed::from(refused).reply(),
};

/// `POST /call/{method}`: calls a plugin's method with the body as its params, in the name of the
/// token or of the session that the cookie names.
pub(super) async fn answer(front: &Rc<Front>, request: Request<Incoming>) -> Reply {
    let handle = async |parts: &Parts, body, verdict| {
        let called = call(front, parts, body, verdict).await;
        called.unwrap_or_else(|failed| failed.reply())
    };
    ENDPOINT.answer(front, request, handle).await
}

/// Why there is no answer.
struct Failed {
    status: StatusCode,
    why: CallRefused,
}

impl Failed {
    fn reply(self) -> Reply {
        let CallRefused {
            code,
            message,
            retryable,
        } = self.why;
        let body = json!({"error": code, "message": message, "retryable": retryable});
        reply::challenge(reply::json_value(self.status, &body))
    }

    fn unavailable(message: &str) -> Self {
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).into()
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        let Refused {
            status,
            error,
            message,
        } = refused;
        let passes = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT];
        let why = CallRefused {
            code: error.to_owned(),
            message,
            retryable: passes.contains(&status),
        };
        Self { status, why }
    }
}

impl From<CallRefused> for Failed {
    fn from(why: CallRefused) -> Self {
        let status = match why.code.as_str() {
            "unauthenticated" => StatusCode::UNAUTHORIZED,
            "forbidden" => StatusCode::FORBIDDEN,
            "not-found" | "unknown-method" => StatusCode::NOT_FOUND,
            "conflict" => StatusCode::CONFLICT,
            "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
            "too-many-requests" => StatusCode::TOO_MANY_REQUESTS,
            _ if why.retryable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, why }
    }
}

impl From<NotAdmitted> for Failed {
    fn from(refusal: NotAdmitted) -> Self {
        let status = if refusal.retryable {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::FORBIDDEN
        };
        let why = CallRefused {
            code: refusal.code,
            message: refusal.message,
            retryable: refusal.retryable,
        };
        Self { status, why }
    }
}

async fn call(
    front: &Rc<Front>,
    parts: &Parts,
    body: Incoming,
    verdict: OriginVerdict,
) -> Result<Reply, Failed> {
    let method = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
    let (principal, session) = principal(front, &parts.headers).await?;
    let params = params(&request::body(front, body).await?)?;
    let _counted = front.count_call();
    let call = Call {
        method: method.into(),
        params,
        caller: Caller {
            subject: principal.subject.clone(),
            scopes: principal.scopes.clone(),
            transport: Transport::Http,
            session_id: session.as_ref().map(|session| session.id.as_str().into()),
            takes_cookies: verdict != OriginVerdict::WithoutCookies,
        },
    };
    let Called { outcome, cookie } = front.node.call_over_http(call).await;
    let mut reply = match outcome {
        Ok(json) => reply::json_text(StatusCode::OK, Box::<str>::from(json).into_boxed_bytes()),
        Err(refusal) => Failed::from(refusal).reply(),
    };
    let cookie = match cookie {
        CookieChange::Keep => session.and_then(|session| session.renewed_cookie),
        CookieChange::Set(cookie) => Some(cookie),
        CookieChange::Clear => Some(front.node.auth.clear_cookie()),
    };
    cookies::set(&mut reply, cookie);
    Ok(reply)
}

/// Who calls, if they may stay, and the session that their cookie names. A token counts alone.
async fn principal(
    front: &Rc<Front>,
    headers: &HeaderMap,
) -> Result<(Arc<Principal>, Option<SessionDocument>), Failed> {
    let (principal, session) = match request::bearer(headers) {
        Some(token) => (request::verified(front, token).await?, None),
        None => of_cookie(front, headers).await?,
    };
    if !principal.subject.is_empty() {
        front.node.admit(&principal, Transport::Http).await?;
    }
    Ok((principal, session))
}

/// Anonymous without a cookie that counts.
async fn of_cookie(
    front: &Rc<Front>,
    headers: &HeaderMap,
) -> Result<(Arc<Principal>, Option<SessionDocument>), Failed> {
    let Some(cookies) = cookies::text(headers) else {
        return Ok(Default::default());
    };
    let session = match front.node.auth.session(Some(&cookies)).await {
        Ok(session) => session,
        Err(SessionError::Unavailable) => {
            return Err(Failed::unavailable("sessions cannot be read now"));
        }
        Err(_) => return Ok(Default::default()),
    };
    // It may outlive its end: the store failed, or its application has written it back.
    if front.node.auth.is_session_revoked(&session.id) {
        return Ok(Default::default());
    }
    let principal = match front.node.principal(&session.json) {
        Ok(identity) => Arc::new(Principal {
            subject: identity.subject.into(),
            scopes: identity.scopes.into(),
            ..Principal::default()
        }),
        // A session of nobody's.
        Err(PrincipalError::Refused { .. } | PrincipalError::NoPlugin) => Arc::default(),
        Err(PrincipalError::Call(_)) => {
            let message = "the plugin that knows sessions failed";
            return Err(Failed::unavailable(message));
        }
    };
    Ok((principal, Some(session)))
}

/// An empty body is `null`.
fn params(body: &Bytes) -> Result<Option<Box<RawValue>>, Failed> {
    if body.is_empty() {
        return Ok(None);
    }
    let params = serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is no JSON: {error}");
        Refused::new(StatusCode::BAD_REQUEST, "bad-request", message)
    })?;
    Ok(Some(params))
}
