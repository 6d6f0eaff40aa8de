//! `ws_echo PORT`: the broker's own handshake, frame codec and outbox, echoing every message with
//! its kind, for conformance suites (Autobahn). Frames and messages up to 16 MiB.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Context;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tidegate::listener::{socket, upgrade};
use tidegate::protocol::message::MessageLimits;
use tidegate::session;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

const MESSAGE_BYTES: usize = 16 << 20;

fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).context("usage: ws_echo PORT")?;
    let port: u16 = port
        .parse()
        .with_context(|| format!("{port:?} is no port"))?;
    let socket = socket::bind_group(SocketAddr::from(([127, 0, 0, 1], port)), 1)?.remove(0);
    println!("listening on {}", socket.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(socket)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(serve(stream));
        }
    })
}

async fn serve(stream: TcpStream) {
    let service = service_fn(async |mut request| {
        let reply = match upgrade::handshake(&mut request) {
            Ok((reply, upgrade)) => {
                tokio::task::spawn_local(async {
                    if let Some((stream, early)) = upgrade::upgraded_socket(upgrade).await {
                        let limits = MessageLimits {
                            frame: MESSAGE_BYTES,
                            message: MESSAGE_BYTES,
                        };
                        session::run_echo(stream, early, limits, 2 * MESSAGE_BYTES).await;
                    }
                });
                reply
            }
            Err(refusal) => refusal,
        };
        Ok::<_, Infallible>(reply)
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.with_upgrades().await {
        eprintln!("connection ended: {error}");
    }
}
