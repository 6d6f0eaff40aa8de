use std::rc::Rc;

use http::Request as HttpRequest;
use hyper::body::Incoming;
use tokio::net::TcpStream;

use super::gate::Gate;
use crate::identity::SessionId;
use crate::listener::admission::Place;
use crate::listener::reply::Reply;
use crate::listener::upgrade;
use crate::protocol::engineio::Refusal;
use crate::session::engineio::Request;

/// A WebSocket that begins a session.
pub(super) fn first(
    gate: &Rc<Gate>,
    place: Option<Place>,
    mut request: HttpRequest<Incoming>,
) -> Result<Reply, Refusal> {
    let (reply, upgrading) = upgrade::handshake(&mut request).map_err(|_| Refusal::BadRequest)?;
    let gate = gate.clone();
    tokio::task::spawn_local(async move {
        if let Some((stream, early)) = upgrade::upgraded_socket(upgrading).await {
            gate.place(stream, early, place);
        }
    });
    Ok(reply)
}

/// A WebSocket that wants to take over the session `id` of this node.
pub(super) async fn candidate(
    gate: &Rc<Gate>,
    id: SessionId,
    mut request: HttpRequest<Incoming>,
) -> Result<Reply, Refusal> {
    gate.ask(&id, Request::Upgrade).await?;
    let (reply, upgrading) = upgrade::handshake(&mut request).map_err(|_| Refusal::BadRequest)?;
    let gate = gate.clone();
    tokio::task::spawn_local(async move {
        let upgraded = upgrade::upgraded_socket(upgrading).await;
        match upgraded.map(|(stream, early)| (TcpStream::into_std(stream), early)) {
            Some((Ok(stream), early)) => gate.send(&id, Request::Candidate(stream, early)),
            Some((Err(error), _)) => tracing::warn!(%error, "cannot hand a socket over"),
            None => {}
        }
    });
    Ok(reply)
}
