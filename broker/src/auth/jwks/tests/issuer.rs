//! A small real HTTP server that answers as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone)]
pub(super) enum Answer {
    Json(String),
    Status(u16),
    /// A body without end or length.
    Endless,
    /// Closes without an answer.
    Close,
    /// Never answers.
    Hang,
}

pub(super) struct Issuer {
    port: u16,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    hits: AtomicUsize,
}

impl Issuer {
    pub(super) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            hits: AtomicUsize::new(0),
        });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self {
            port,
            shared,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub(super) fn url(&self) -> url::Url {
        format!("http://127.0.0.1:{}/.well-known/jwks.json", self.port)
            .parse()
            .unwrap()
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    pub(super) fn hits(&self) -> usize {
        self.shared.hits.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        tokio::spawn(async move {
            let _ = answer(stream, &shared).await;
        });
    }
}

async fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    shared.hits.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().unwrap().clone();
    let (status, body) = match answer {
        Answer::Json(body) => (200, body),
        Answer::Status(status) => (status, String::new()),
        Answer::Close => return Ok(()),
        Answer::Hang => return std::future::pending().await,
        Answer::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await
}
