//! A user service: a real HTTP server on loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

/// What it answers depends on the path: `/slow` waits for [`Users::open`], `/hangs` for ever,
/// `/big` is larger than a plugin may take, `/moved` leads elsewhere, `/unknown` is 404, `/start` too while they [refuse](Users::refuse) it.
pub(super) struct Users {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    open: watch::Sender<bool>,
    refuses: AtomicBool,
    headers: std::sync::Mutex<String>,
}

impl Users {
    /// Serves on the runtime until that ends.
    pub(super) fn start(runtime: &tokio::runtime::Runtime) -> Self {
        let state = Arc::new(State {
            asked: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            open: watch::Sender::new(false),
            refuses: AtomicBool::new(false),
            headers: std::sync::Mutex::default(),
        });
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let shared = state.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                let service = service_fn(move |request| answer(state.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that have come.
    pub(super) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }

    pub(super) fn open(&self) {
        self.state.open.send_replace(true);
    }

    pub(super) fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Of the last request.
    pub(super) fn headers(&self) -> String {
        self.state.headers.lock().unwrap().clone()
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    *state.headers.lock().unwrap() = format!("{:?}", request.headers());
    let now = state.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_at_once.fetch_max(now, Ordering::SeqCst);
    state.asked.fetch_add(1, Ordering::SeqCst);
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    match request.uri().path() {
        "/slow" => {
            let _ = state.open.subscribe().wait_for(|open| *open).await;
        }
        "/hangs" => std::future::pending().await,
        "/big" => *response.body_mut() = Full::new(Bytes::from(vec![b'x'; 2 << 20])),
        "/moved" => {
            *response.status_mut() = StatusCode::FOUND;
            let elsewhere = hyper::header::HeaderValue::from_static("http://127.0.0.1:1/");
            response.headers_mut().insert("location", elsewhere);
        }
        "/start" if !state.refuses.load(Ordering::SeqCst) => {}
        "/unknown" | "/start" => *response.status_mut() = StatusCode::NOT_FOUND,
        _ => {}
    }
    state.at_once.fetch_sub(1, Ordering::SeqCst);
    Ok(response)
}
