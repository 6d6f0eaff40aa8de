//! A Sentry ingest endpoint on loopback, plain HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::wait;

/// What was posted to it.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub path: String,
    /// The `x-sentry-auth` header.
    pub auth: String,
    pub body: String,
}

pub struct Ingest {
    address: SocketAddr,
    envelopes: Arc<Mutex<Vec<Envelope>>>,
}

impl Ingest {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let envelopes = Arc::new(Mutex::new(Vec::new()));
        let kept = envelopes.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { address, envelopes }
    }

    pub fn dsn(&self) -> String {
        format!("http://public@{}/42", self.address)
    }

    /// Waits for an envelope whose body holds `text`.
    pub async fn holding(&self, text: &str) -> Envelope {
        let what = format!("Sentry has an envelope with {text:?}");
        wait::until(&what, async || {
            let envelopes = self.envelopes.lock().expect("no holder panics");
            envelopes
                .iter()
                .find(|one| one.body.contains(text))
                .cloned()
        })
        .await
    }

    pub fn all(&self) -> Vec<Envelope> {
        self.envelopes.lock().expect("no holder panics").clone()
    }
}

async fn serve(stream: TcpStream, envelopes: Arc<Mutex<Vec<Envelope>>>) {
    let service = service_fn(|request| keep(request, envelopes.clone()));
    let connection = hyper::server::conn::http1::Builder::new();
    // A client that goes away ends its own connection only.
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn keep(
    request: Request<Incoming>,
    envelopes: Arc<Mutex<Vec<Envelope>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let auth = head
        .headers
        .get("x-sentry-auth")
        .and_then(|value| value.to_str().ok());
    envelopes.lock().expect("no holder panics").push(Envelope {
        path: head.uri.path().to_owned(),
        auth: auth.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}
