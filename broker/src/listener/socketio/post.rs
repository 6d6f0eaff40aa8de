use std::rc::Rc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request as HttpRequest};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::sync::oneshot;

use super::gate::Gate;
use super::replies;
use crate::identity::SessionId;
use crate::listener::reply::Reply;
use crate::protocol::engineio::Refusal;
use crate::session::engineio::{Request, Upload};

/// A POST under way. Whatever becomes of it, its session is told.
struct Uploading<'a> {
    gate: &'a Gate,
    id: &'a SessionId,
    open: bool,
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        if self.open {
            self.send(Upload::Broken);
        }
    }
}

impl Uploading<'_> {
    /// Ends it without waiting for what the session says.
    fn end(mut self, upload: Upload) {
        self.open = false;
        self.send(upload);
    }

    fn send(&self, upload: Upload) {
        let (answer, _) = oneshot::channel();
        self.gate.send(self.id, Request::PostEnded(upload, answer));
    }
}

pub(super) async fn answer(
    gate: &Rc<Gate>,
    id: &SessionId,
    request: HttpRequest<Incoming>,
) -> Result<Reply, Refusal> {
    gate.ask(id, Request::PostBegun).await?;
    let mut uploading = Uploading {
        gate,
        id,
        open: true,
    };
    if is_binary(request.headers()) {
        uploading.end(Upload::Broken);
        return Err(Refusal::BadRequest);
    }
    let limit = gate.max_payload();
    let body = request.into_body();
    if body.size_hint().lower() > limit as u64 {
        uploading.end(Upload::TooBig);
        return Ok(replies::too_big());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => {
            uploading.open = false;
            let whole = Upload::Whole(body.to_bytes());
            let done = gate.ask(id, |answer| Request::PostEnded(whole, answer));
            Ok(replies::taken(done.await?))
        }
        Err(error) if error.is::<LengthLimitError>() => {
            uploading.end(Upload::TooBig);
            Ok(replies::too_big())
        }
        Err(_) => {
            uploading.end(Upload::Broken);
            Err(Refusal::BadRequest)
        }
    }
}

/// Revision 3 sent binary bodies; since 4 they are text.
fn is_binary(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes() == b"application/octet-stream")
}
