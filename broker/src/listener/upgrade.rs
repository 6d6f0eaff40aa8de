use std::net::SocketAddr;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::admission::Full as NoPlace;
use super::front::Front;
use super::reply::{self, Reply};
use crate::session::WebSocketOptions;

/// `/ws`: takes the socket out of hyper and begins a session.
pub(super) fn websocket(
    front: &Rc<Front>,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Reply {
    if let Some(refusal) = front.node.auth.origins().check(request.headers()).refusal() {
        metrics::counter!("tidegate_refused_total", "reason" => "origin").increment(1);
        return reply::error(
            StatusCode::FORBIDDEN,
            "forbidden-origin",
            &refusal.to_string(),
        );
    }
    let (reply, upgrade) = match handshake(&mut request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refusal,
    };
    let address = front.client_address(peer, request.headers());
    let place = match front.admission.enter(address) {
        Ok(place) => place,
        Err(full) => return no_place(full),
    };
    let options = WebSocketOptions {
        v1: wants_v1(request.uri().query()),
    };
    let front = front.clone();
    tokio::task::spawn_local(async move {
        if let Some((stream, early)) = upgraded_socket(upgrade).await {
            front.place(stream, early, options, place);
        }
    });
    reply
}

/// Checks a WebSocket handshake (RFC 6455 §4.2): the answer and the socket to come, or the
/// refusal.
pub fn handshake(request: &mut Request<Incoming>) -> Result<(Reply, OnUpgrade), Reply> {
    if request.version() != http::Version::HTTP_11 {
        let message = "a WebSocket handshake needs HTTP/1.1";
        return Err(reply::error(
            StatusCode::BAD_REQUEST,
            "bad-handshake",
            message,
        ));
    }
    let accept = accept_key(request.headers())?;
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok((reply, hyper::upgrade::on(request)))
}

/// The bare socket after the answer went out, with the bytes that came early; hyper and its
/// buffers are gone. `None` = the client left.
pub async fn upgraded_socket(upgrade: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "the upgrade was not finished");
            return None;
        }
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        // A copy, for even an empty rest would keep hyper's whole buffer.
        Ok(parts) => Some((
            parts.io.into_inner(),
            Bytes::copy_from_slice(&parts.read_buf),
        )),
        Err(_) => {
            tracing::error!("hyper gave back another socket than it was given");
            None
        }
    }
}

/// The value of `Sec-WebSocket-Accept`.
fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Reply> {
    let bad = |message: &str| reply::error(StatusCode::BAD_REQUEST, "bad-handshake", message);
    if !lists(headers, &UPGRADE, "websocket") || !lists(headers, &CONNECTION, "upgrade") {
        let mut reply = reply::error(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade-required",
            "/ws speaks WebSocket",
        );
        reply
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(reply);
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut reply = bad("Sec-WebSocket-Version must be 13");
        reply
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Err(reply);
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    if STANDARD.decode(key).map_or(true, |nonce| nonce.len() != 16) {
        return Err(bad("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest.finish());
    HeaderValue::from_str(&accept).map_err(|_| bad("Sec-WebSocket-Key"))
}

/// Whether a header's comma-separated values hold `token`.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

fn wants_v1(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "v=1"))
}

/// Whether a request asks for a WebSocket, well-formed or not.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &UPGRADE, "websocket")
}

pub(super) fn no_place(full: NoPlace) -> Reply {
    let (status, name, message) = match full {
        NoPlace::Node => (StatusCode::SERVICE_UNAVAILABLE, "full", "this node is full"),
        NoPlace::Address => (
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-connections",
            "too many from this address",
        ),
    };
    metrics::counter!("tidegate_refused_total", "reason" => name).increment(1);
    reply::error(status, name, message)
}
