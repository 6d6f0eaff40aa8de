//! Accepts admin connections on a thread of their own.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{Control, routes};

/// More than scrapers and operators need; further ones wait in the backlog.
const CONNECTIONS: usize = 64;
/// A head that comes slower, or a connection that is idle for longer, is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// After a failed accept: out of file descriptors, mostly, and trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("cannot bind the admin listener on {address}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot start the admin thread")]
    Thread(#[source] std::io::Error),
}

/// A running admin listener; dropping it ends the thread and its connections.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Where it listens; with port 0 in the settings, the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there has been logged.
            let _ = thread.join();
        }
    }
}

/// Binds at once, so that a taken port ends the start, and serves on a thread of its own.
///
/// # Errors
/// If the address cannot be bound or the thread not be started.
pub fn start(bind: SocketAddr, control: Control) -> Result<Admin, AdminError> {
    let bound = |source| AdminError::Bind {
        address: bind,
        source,
    };
    let listener = TcpListener::bind(bind).map_err(bound)?;
    listener.set_nonblocking(true).map_err(bound)?;
    let address = listener.local_addr().map_err(bound)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AdminError::Thread)?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let thread = std::thread::Builder::new()
        .name("admin".to_owned())
        .spawn(move || {
            runtime.block_on(stopped.run_until_cancelled(serve(listener, control)));
        })
        .map_err(AdminError::Thread)?;
    Ok(Admin {
        address,
        stop,
        thread: Some(thread),
    })
}

async fn serve(listener: TcpListener, control: Control) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the admin listener cannot be served"),
    };
    let control = Arc::new(control);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = control.clone();
                tokio::spawn(async move {
                    connection(stream, control).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an admin connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, control: Arc<Control>) {
    let service = service_fn(|request: Request<Incoming>| {
        let (request, _) = request.into_parts();
        let control = control.clone();
        async { Ok::<_, Infallible>(routes::answer(request, control).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an admin connection ended badly");
    }
}
