//! Another issuer's JWKS endpoint on loopback, which notes when it is asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::broker::Broker;

pub struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// `None`: it answers 500.
    document: Option<String>,
    fetches: Vec<Instant>,
}

impl Issuer {
    /// One that publishes the keys of these brokers.
    pub async fn start(signers: &[&Broker]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            document: Some(document(signers).await),
            fetches: Vec::new(),
        }));
        let served = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, served.clone()));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.address)
    }

    /// From here on it publishes the keys of these brokers.
    pub async fn publish(&self, signers: &[&Broker]) {
        let document = document(signers).await;
        self.state.lock().expect("no holder panics").document = Some(document);
    }

    /// From here on it answers 500.
    pub fn fail(&self) {
        self.state.lock().expect("no holder panics").document = None;
    }

    /// When it was asked.
    pub fn fetches(&self) -> Vec<Instant> {
        self.state.lock().expect("no holder panics").fetches.clone()
    }
}

async fn document(signers: &[&Broker]) -> String {
    let mut keys = Vec::new();
    for signer in signers {
        let mut jwks = signer.get("/.well-known/jwks.json").await.json();
        match jwks["keys"].take() {
            Value::Array(published) => keys.extend(published),
            other => panic!("keys is {other}, not an array"),
        }
    }
    json!({ "keys": keys }).to_string()
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|_: Request<Incoming>| {
        let answer = answer(&state);
        async { Ok::<_, Infallible>(answer) }
    });
    // A client that goes away ends its own connection only.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(state: &Mutex<State>) -> Response<Full<Bytes>> {
    let mut state = state.lock().expect("no holder panics");
    state.fetches.push(Instant::now());
    let (status, body) = match &state.document {
        Some(document) => (StatusCode::OK, Bytes::from(document.clone())),
        None => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}
