use std::net::SocketAddr;
use std::rc::Rc;

use http::header::{ALLOW, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;

use super::front::Front;
use super::reply::{self, Reply};
use super::{auth_ws, call, ingest, publish, socketio, upgrade};

/// The public endpoints.
pub(super) async fn route(front: Rc<Front>, peer: SocketAddr, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    match path {
        "/healthz" => return reply::text(StatusCode::OK, "ok\n"),
        "/readyz" => return ready(&front),
        _ => {}
    }
    // A draining node still answers the sessions that it has.
    if let Some(gate) = front.socketio.as_ref().filter(|gate| gate.takes(path)) {
        let address = front.client_address(peer, request.headers());
        return socketio::answer(gate, address, request).await;
    }
    // Pages can read every answer of these, also that the node is draining.
    if path == auth_ws::PATH {
        return auth_ws::answer(&front, request).await;
    }
    if path.starts_with(call::PATH) {
        return call::answer(&front, request).await;
    }
    if front.lifecycle.is_draining() {
        return reply::draining();
    }
    match (path, request.method()) {
        ("/ws", &Method::GET) => upgrade::websocket(&front, peer, request),
        ("/publish", &Method::POST) => publish::answer(&front, request).await,
        (path, &Method::POST) if path.starts_with(ingest::PATH) => {
            ingest::answer(&front, request).await
        }
        ("/.well-known/jwks.json", &Method::GET) => {
            reply::json_text(StatusCode::OK, front.node.auth.jwks_json())
        }
        ("/ws" | "/.well-known/jwks.json", _) => wrong_method("GET"),
        ("/publish", _) => wrong_method("POST"),
        (path, _) if path.starts_with(ingest::PATH) => wrong_method("POST"),
        (path, method) => {
            let page = page(&front, path, method, request.headers()).await;
            page.unwrap_or_else(|| {
                reply::error(StatusCode::NOT_FOUND, "not-found", "no such endpoint")
            })
        }
    }
}

/// A file of the pages' folder; hyper leaves the body out for HEAD.
async fn page(front: &Front, path: &str, method: &Method, headers: &HeaderMap) -> Option<Reply> {
    let pages = front.pages.as_ref()?;
    match *method {
        Method::GET | Method::HEAD => pages.answer(path, headers).await,
        _ => None,
    }
}

fn ready(front: &Front) -> Reply {
    match front.lifecycle.unready() {
        None => reply::text(StatusCode::OK, "ready\n"),
        Some(reason) => reply::text(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

fn wrong_method(allowed: &'static str) -> Reply {
    let mut reply = reply::error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        &format!("this endpoint takes {allowed}"),
    );
    reply
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}
