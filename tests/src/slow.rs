//! An HTTP server that keeps all who ask it waiting until it is opened.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wait;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

pub struct Slow {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
    open: watch::Sender<bool>,
}

impl Slow {
    /// Serves for as long as the test's runtime.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let open = watch::Sender::new(false);
        let (count, opened) = (asked.clone(), open.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, count.clone(), opened.clone()));
            }
        });
        Self {
            address,
            asked,
            open,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until so many have asked.
    pub async fn asked(&self, many: usize) {
        wait::until("the slow server is asked", async || {
            (self.asked.load(Ordering::SeqCst) >= many).then_some(())
        })
        .await;
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn answer(
    mut stream: TcpStream,
    count: Arc<AtomicUsize>,
    mut opened: watch::Receiver<bool>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    count.fetch_add(1, Ordering::SeqCst);
    opened.wait_for(|open| *open).await.ok()?;
    stream.write_all(ANSWER).await.ok()
}
