use std::rc::Rc;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::front::Front;
use super::reply::{self, Reply};
use crate::auth::TokenError;
use crate::node::Refusal;
use crate::topic::Topic;

/// The scope a service needs.
const SCOPE: &str = "tidegate:publish";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incomer {
    topic: Box<str>,
    message: Box<RawValue>,
    #[serde(default)]
    event: Option<Box<str>>,
    #[serde(default)]
    id: Option<Box<str>>,
}

struct Ready {
    topic: Topic,
    incomer: Incomer,
}

/// `POST /publish`: one publication or an array of them, in order.
pub(super) async fn answer(front: &Rc<Front>, request: Request<Incoming>) -> Reply {
    if let Err(refusal) = check_token(front, request.headers()).await {
        return refusal;
    }
    let limit = front.node.limits.body_bytes;
    let body = match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes");
            return reply::error(StatusCode::PAYLOAD_TOO_LARGE, "too-large", &message);
        }
        Err(_) => {
            return reply::error(StatusCode::BAD_REQUEST, "bad-request", "the body broke off");
        }
    };
    match read(&body) {
        Ok(publications) => match oversized(front, &publications) {
            Some(refusal) => refusal,
            None => publish(front, publications).await,
        },
        Err(message) => reply::error(StatusCode::BAD_REQUEST, "bad-publication", &message),
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

/// All or none: one bad publication refuses the request before any is published.
fn read(body: &[u8]) -> Result<Vec<Ready>, String> {
    let many = body.trim_ascii_start().first() == Some(&b'[');
    let incomers: Vec<Incomer> = if many {
        serde_json::from_slice(body).map_err(|error| error.to_string())?
    } else {
        vec![serde_json::from_slice(body).map_err(|error| error.to_string())?]
    };
    incomers
        .into_iter()
        .enumerate()
        .map(|(at, incomer)| match Topic::parse(&incomer.topic) {
            Ok(topic) => Ok(Ready { topic, incomer }),
            Err(error) => Err(format!("publication {at}: {error}")),
        })
        .collect()
}

/// The answer if a publication is above the limit; asked before the first goes out.
fn oversized(front: &Front, publications: &[Ready]) -> Option<Reply> {
    let limit = front.node.limits.publication_bytes;
    let too_big = |ready: &Ready| ready.incomer.message.get().len() > limit;
    let at = publications.iter().position(too_big)?;
    Some(refused(0, at, &Refusal::TooBig(limit)))
}

async fn publish(front: &Rc<Front>, publications: Vec<Ready>) -> Reply {
    let mut published = 0;
    for Ready { topic, incomer } in publications {
        let Incomer {
            message, event, id, ..
        } = incomer;
        let id = id.unwrap_or_default();
        let sent = front.node.publish_trusted(topic, event, id, message).await;
        if let Err(refusal) = sent {
            front.node.hand_over();
            return refused(published, published, &refusal);
        }
        published += 1;
    }
    front.node.hand_over();
    reply::json_value(StatusCode::OK, &json!({"published": published}))
}

/// `at` is the publication that was refused.
fn refused(published: usize, at: usize, refusal: &Refusal) -> Reply {
    let (status, error, message) = match refusal {
        Refusal::TooBig(limit) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("publication {at}: the message is larger than {limit} bytes"),
        ),
        Refusal::Failed(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            (*reason).to_owned(),
        ),
        other => (
            StatusCode::BAD_REQUEST,
            "bad-publication",
            format!("{other:?}"),
        ),
    };
    reply::json_value(
        status,
        &json!({"error": error, "message": message, "published": published}),
    )
}
