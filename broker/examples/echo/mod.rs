//! One worker that serves nothing but an echo, with the timers that the official suites are
//! written for.
//!
//! Flags, each followed by its value: `--path`, `--ping-interval`, `--ping-timeout`,
//! `--connect-timeout`, `--upgrade-timeout` (milliseconds), `--max-payload` (bytes).

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidegate::identity::{NodeId, SessionIds};
use tidegate::limits::Limits;
use tidegate::listener::socketio::{self, Gate, GateParts};
use tidegate::listener::{Doors, socket};
use tidegate::session::SocketIoConfig;
use tidegate::session::engineio::{Service, Sessions};
use tidegate::shutdown::Lifecycle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// Finer than a worker's coarse timer, for the suites count in milliseconds.
const TICK: Duration = Duration::from_millis(10);

pub fn serve(service: Service, path: &str) -> anyhow::Result<()> {
    let (port, config) = arguments(path)?;
    let bind = SocketAddr::from(([127, 0, 0, 1], port));
    let socket = socket::bind_group(bind, 1)?.remove(0);
    println!("listening on {}", socket.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let node_id = NodeId::random();
        let ids = SessionIds::new(node_id.clone(), 0);
        let limits = Arc::new(Limits::default());
        let gate = Gate::new(GateParts {
            sessions: Sessions::new(service, Arc::new(config), limits, ids),
            node_id,
            lifecycle: Lifecycle::new(),
            doors: Doors::new(0, Arc::new([])),
            auth: None,
            admission: None,
        });
        let sessions = gate.sessions().clone();
        tokio::task::spawn_local(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                sessions.sweep();
            }
        });
        let listener = TcpListener::from_std(socket)?;
        loop {
            let (stream, peer) = listener.accept().await?;
            tokio::task::spawn_local(connection(gate.clone(), stream, peer.ip()));
        }
    })
}

async fn connection(gate: Rc<Gate>, stream: TcpStream, address: IpAddr) {
    let service = service_fn(|request| {
        let gate = gate.clone();
        async move { Ok::<_, Infallible>(socketio::answer(&gate, address, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.with_upgrades().await {
        eprintln!("connection ended: {error}");
    }
}

fn arguments(path: &str) -> anyhow::Result<(u16, SocketIoConfig)> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().context("usage: PORT [--flag VALUE]…")?;
    let port = port
        .parse()
        .with_context(|| format!("{port:?} is no port"))?;
    let mut config = SocketIoConfig {
        path: path.to_owned(),
        namespaces: vec!["/".to_owned(), "/custom".to_owned()],
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1),
        ..SocketIoConfig::default()
    };
    while let Some(flag) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{flag} needs a value"))?;
        let number = || -> anyhow::Result<u64> {
            value
                .parse()
                .with_context(|| format!("{flag}: {value:?} is no number"))
        };
        match flag.as_str() {
            "--path" => config.path.clone_from(&value),
            "--ping-interval" => config.ping_interval = Duration::from_millis(number()?),
            "--ping-timeout" => config.ping_timeout = Duration::from_millis(number()?),
            "--connect-timeout" => config.connect_timeout = Duration::from_millis(number()?),
            "--upgrade-timeout" => config.upgrade_timeout = Duration::from_millis(number()?),
            "--max-payload" => config.max_payload = usize::try_from(number()?)?,
            _ => bail!("unknown flag {flag}"),
        }
    }
    Ok((port, config))
}
