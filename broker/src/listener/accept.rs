//! Accepts until the worker ends, whatever happens.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::front::Front;
use super::routes;

/// After an error that is not the connection's own (no file descriptors left) there is nothing to
/// do but wait for some to come free.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a request head; browsers' cookies fit, header bombs do not.
const HEAD_BYTES: usize = 16 << 10;

/// Runs until its task is dropped.
pub async fn accept(listener: TcpListener, front: Rc<Front>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::task::spawn_local(serve(stream, peer, front.clone()));
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                metrics::counter!("tidegate_accept_errors_total").increment(1);
                tracing::warn!(%error, "cannot accept connections, trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The client left before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn serve(stream: TcpStream, peer: SocketAddr, front: Rc<Front>) {
    let timeout = front.node.limits.handshake_timeout;
    let service = service_fn(move |request| {
        let front = front.clone();
        async move { Ok::<_, std::convert::Infallible>(routes::route(front, peer, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        metrics::counter!("tidegate_http_errors_total").increment(1);
        tracing::debug!(%error, "connection ended");
    }
}

pub fn describe_metrics() {
    metrics::describe_counter!(
        "tidegate_accept_errors_total",
        "Failures to accept that were the node's (out of file descriptors)"
    );
    metrics::describe_counter!(
        "tidegate_http_errors_total",
        "Connections that ended with an HTTP error: garbage, a head too large or too slow"
    );
    metrics::describe_counter!("tidegate_refused_total", "Sessions refused, by reason");
}
