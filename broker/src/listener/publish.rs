use std::rc::Rc;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::front::Front;
use super::reply::{self, Reply};
use super::service;
use crate::node::Refusal;
use crate::topic::Topic;

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
    let body = match service::body(front, request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match read(&body) {
        Ok(publications) => match oversized(front, &publications) {
            Some(refusal) => refusal,
            None => publish(front, publications).await,
        },
        Err(message) => reply::error(StatusCode::BAD_REQUEST, "bad-publication", &message),
    }
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
