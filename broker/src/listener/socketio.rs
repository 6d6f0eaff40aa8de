//! The HTTP side of Socket.IO: handshakes, polling requests, upgrades. Which session a request is
//! for stands in its `sid`; it may be another worker's, or another node's.

mod gate;
mod post;
mod replies;
mod socket;

use std::net::IpAddr;
use std::rc::Rc;

use http::{Method, Request as HttpRequest};
use hyper::body::Incoming;

use super::reply::{self, Reply};
use super::upgrade;
use crate::protocol::engineio::{Refusal, Request, Transport};
use crate::session::engineio;

pub use gate::{Gate, GateParts};

/// Answers a request to the Socket.IO path. `address` is the client's.
pub async fn answer(gate: &Rc<Gate>, address: IpAddr, request: HttpRequest<Incoming>) -> Reply {
    let headers = request.headers().clone();
    let websocket = upgrade::wants_websocket(&headers);
    if gate.refuses_origin(&headers) {
        metrics::counter!("tidegate_refused_total", "reason" => "origin").increment(1);
        return gate.with_cors(&headers, replies::refused(Refusal::Forbidden, websocket));
    }
    if request.method() == Method::OPTIONS {
        return gate.with_cors(&headers, replies::preflight(&headers));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let asked = Request::parse(request.method().as_str(), &query, websocket);
    let answer = match asked.and_then(|asked| gate.allowed(asked)) {
        Ok(asked) => answer_asked(gate, address, request, asked).await,
        Err(refusal) => Err(refusal),
    };
    let reply = answer.unwrap_or_else(|refusal| replies::refused(refusal, websocket));
    gate.with_cors(&headers, reply)
}

async fn answer_asked(
    gate: &Rc<Gate>,
    address: IpAddr,
    request: HttpRequest<Incoming>,
    asked: Request<'_>,
) -> Result<Reply, Refusal> {
    let sid = match asked {
        Request::Handshake { transport, .. } => {
            return handshake(gate, address, request, transport);
        }
        Request::Poll { sid } | Request::Post { sid } | Request::Upgrade { sid } => sid,
    };
    let sid = sid.parse().map_err(|_| Refusal::SessionUnknown)?;
    if !gate.is_own(&sid) {
        return gate.foreign(&sid, request.headers());
    }
    match asked {
        Request::Post { .. } => post::answer(gate, &sid, request).await,
        Request::Upgrade { .. } => socket::candidate(gate, sid, request).await,
        Request::Poll { .. } | Request::Handshake { .. } => {
            let body = gate.ask(&sid, engineio::Request::Poll).await?;
            Ok(replies::packets(body))
        }
    }
}

fn handshake(
    gate: &Rc<Gate>,
    address: IpAddr,
    request: HttpRequest<Incoming>,
    transport: Transport,
) -> Result<Reply, Refusal> {
    if gate.is_draining() {
        return Ok(reply::draining());
    }
    let place = match gate.enter(address) {
        Ok(place) => place,
        Err(full) => return Ok(upgrade::no_place(full)),
    };
    if transport == Transport::WebSocket {
        return socket::first(gate, place, request);
    }
    match gate.sessions().open_polling() {
        Ok((session, body)) => {
            gate.run(session, place);
            Ok(replies::packets(body))
        }
        Err(error) => Ok(replies::failed(&error)),
    }
}
