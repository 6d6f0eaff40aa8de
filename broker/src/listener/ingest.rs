use std::rc::Rc;

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::front::Front;
use super::reply::{self, Reply};
use super::service;
use crate::source::{Given, IngestError, Ingested};

pub(super) const PATH: &str = "/ingest/";
/// The record's key, its bytes as they are.
const KEY: &str = "tidegate-key";
/// What follows is the name of a header of the record.
const HEADER_PREFIX: &str = "tidegate-header-";

/// `POST /ingest/{topic}`: one record, mapped and published as one from Kafka. The body is its
/// value; an empty one is none (a tombstone).
pub(super) async fn answer(front: &Rc<Front>, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    let topic = path.strip_prefix(PATH).unwrap_or_default().to_owned();
    let mut record = Given {
        key: request
            .headers()
            .get(KEY)
            .map(|key| key.as_bytes().to_vec()),
        headers: record_headers(request.headers()),
        value: None,
    };
    match service::body(front, request).await {
        Ok(body) => record.value = (!body.is_empty()).then(|| body.to_vec()),
        Err(refusal) => return refusal,
    }
    match front.ingest.ingest(&topic, record).await {
        Ok(Ingested::Published(published)) => {
            reply::json_value(StatusCode::OK, &json!({"published": published}))
        }
        Ok(Ingested::Skipped(reason)) => {
            reply::json_value(StatusCode::OK, &json!({"published": 0, "skipped": reason}))
        }
        Err(error) => refused(&error),
    }
}

fn record_headers(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let ours = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(HEADER_PREFIX)?;
        Some((name.to_owned(), value.as_bytes().to_vec()))
    });
    ours.collect()
}

/// 4xx: the same record will not do; 503: it may, later.
fn refused(error: &IngestError) -> Reply {
    let (status, code) = match error {
        IngestError::UnknownTopic(_) => (StatusCode::NOT_FOUND, "unknown-topic"),
        IngestError::Failed {
            code, retryable, ..
        } => {
            let status = if *retryable {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            (status, code.as_str())
        }
        IngestError::Bus(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        IngestError::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        IngestError::Ended => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    reply::error(status, code, &error.to_string())
}
