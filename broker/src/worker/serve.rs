use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::signals::Signals;
use super::thread::{self, WorkerParts};
use crate::admin::{self, Admin, AdminConfig, Control};
use crate::auth::Auth;
use crate::bus::{self, Bus};
use crate::config::Settings;
use crate::identity::NodeId;
use crate::listener::{Admission, ServerConfig, WorkerDoor, socket};
use crate::metrics;
use crate::node::Parts;
use crate::outbox::TopicRule;
use crate::plugin::PluginHost;
use crate::session::SocketIoConfig;
use crate::shutdown::Lifecycle;
use crate::source::{self, Ingest};

/// Threads of the runtime that carries what waits: Redis, Kafka, sessions, signatures.
const IO_THREADS: usize = 2;

/// Runs a node until a signal ends it. `Err` = it could not start or a worker failed.
pub fn serve(settings: Settings) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::new();
    let io = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(IO_THREADS)
        .thread_name("tidegate-io")
        .enable_all()
        .build()
        .context("cannot make the I/O runtime")?;
    let mut signals = io
        .block_on(async { Signals::listen() })
        .context("cannot take signals")?;
    let spread = settings.server.drain_timeout;
    let node = start(settings, &io, &lifecycle)?;
    lifecycle.set_started();
    let workers = node.threads.len();
    tracing::info!(address = %node.address, node = %node.id, workers, "listening");
    io.block_on(wait(&mut signals, &lifecycle, &node.threads, spread));
    lifecycle.end();
    let outcome = join(node.threads);
    node.plugins.stop();
    io.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A started node.
struct Started {
    id: NodeId,
    address: SocketAddr,
    /// The workers', and the source's if there is one.
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
    plugins: PluginHost,
    /// Serves until it is dropped.
    _admin: Option<Admin>,
}

fn start(settings: Settings, io: &Runtime, lifecycle: &Lifecycle) -> anyhow::Result<Started> {
    let Settings {
        server,
        socketio,
        limits,
        topics,
        bus,
        auth,
        plugin,
        admin,
        source,
        ..
    } = settings;
    let workers = server.workers;
    let (sockets, address) = bind(&server)?;
    let auth = io.block_on(Auth::start(auth))?;
    let (plugins, handed) = PluginHost::start(plugin, workers, io.handle())?;
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..workers)
        .map(|_| bus::inbox(limits.inbox_publications))
        .unzip();
    let bus = {
        let _io = io.enter();
        Bus::start(bus, &server.node_id, senders, lifecycle.clone())?
    };
    let admin = start_admin(admin, lifecycle, &plugins)?;
    let (ingest, source) = source::start(source::Parts {
        config: source,
        node_id: server.node_id.to_string(),
        plugins: handed.source,
        bus: bus.clone(),
        lifecycle: lifecycle.clone(),
        io: io.handle().clone(),
        publication_bytes: limits.publication_bytes,
    })?;

    let (doors, arrivals): (Vec<_>, Vec<_>) = (0..workers).map(|_| door()).unzip();
    let shared = Shared {
        admission: Admission::new(&limits),
        limits: Arc::new(limits),
        config: Arc::new(server),
        socketio: Arc::new(socketio),
        doors: doors.into(),
        ingest,
        lifecycle: lifecycle.clone(),
    };
    let rules = most_specific_first(topics);
    let parts = sockets
        .into_iter()
        .zip(handed.workers)
        .zip(inboxes)
        .zip(arrivals);
    let mut threads: Vec<_> = parts
        .enumerate()
        .map(|(worker, (((socket, plugins), inbox), arrivals))| {
            let changes = plugins.changes();
            let limits = shared.limits.clone();
            let (auth, bus, rules) = (auth.clone(), bus.clone(), rules.clone());
            let node = Parts {
                id: shared.config.node_id.clone(),
                worker,
                limits,
                rules,
                auth,
                bus,
                plugins,
                io_plugins: handed.io.clone(),
            };
            shared.spawn(node, changes, socket, inbox, arrivals)
        })
        .collect::<anyhow::Result<_>>()?;
    threads.extend(source);
    Ok(Started {
        id: shared.config.node_id.clone(),
        address,
        threads,
        plugins,
        _admin: admin,
    })
}

fn bind(server: &ServerConfig) -> anyhow::Result<(Vec<TcpListener>, SocketAddr)> {
    let sockets = socket::bind_group(server.bind, server.workers)
        .with_context(|| format!("cannot listen on {}", server.bind))?;
    let address = sockets[0]
        .local_addr()
        .context("cannot read the listener's address")?;
    Ok((sockets, address))
}

fn most_specific_first(mut rules: Vec<TopicRule>) -> Arc<[TopicRule]> {
    rules.sort_by(|a, b| a.pattern.specificity(&b.pattern));
    rules.into()
}

fn start_admin(
    config: AdminConfig,
    lifecycle: &Lifecycle,
    plugins: &PluginHost,
) -> anyhow::Result<Option<Admin>> {
    let Some(bind) = config.bind else {
        return Ok(None);
    };
    let (shown, reloaded) = (plugins.clone(), plugins.clone());
    let control = Control {
        lifecycle: lifecycle.clone(),
        metrics: metrics::install().map_err(anyhow::Error::msg)?,
        plugins: Box::new(move || serde_json::json!(shown.status())),
        reload: Box::new(move |name| reloaded.request_reload(name).is_ok()),
    };
    let admin = admin::start(bind, control)?;
    tracing::info!(address = %admin.address(), "admin listening");
    Ok(Some(admin))
}

fn door() -> (
    WorkerDoor,
    mpsc::UnboundedReceiver<crate::listener::Arrival>,
) {
    // Bounded by the sessions and the HTTP requests that a node has taken in.
    let (arrivals, receiver) = mpsc::unbounded_channel();
    (
        WorkerDoor {
            arrivals,
            sessions: AtomicUsize::new(0),
        },
        receiver,
    )
}

/// What all workers have in common.
struct Shared {
    limits: Arc<crate::limits::Limits>,
    config: Arc<ServerConfig>,
    socketio: Arc<SocketIoConfig>,
    admission: Arc<Admission>,
    doors: Arc<[WorkerDoor]>,
    ingest: Ingest,
    lifecycle: Lifecycle,
}

impl Shared {
    fn spawn(
        &self,
        node: Parts,
        changes: crate::plugin::PluginChanges,
        socket: TcpListener,
        inbox: bus::Inbox,
        arrivals: mpsc::UnboundedReceiver<crate::listener::Arrival>,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        let name = format!("tidegate-w{}", node.worker);
        let parts = WorkerParts {
            node,
            changes,
            socket,
            inbox,
            arrivals,
            lifecycle: self.lifecycle.clone(),
            config: self.config.clone(),
            socketio: self.socketio.clone(),
            admission: self.admission.clone(),
            doors: self.doors.clone(),
            ingest: self.ingest.clone(),
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || thread::run(parts));
        thread.context("cannot start a worker")
    }
}

/// Until the first signal; then drains until all threads have ended, the deadline has passed or a
/// second signal comes.
async fn wait(
    signals: &mut Signals,
    lifecycle: &Lifecycle,
    threads: &[JoinHandle<anyhow::Result<()>>],
    deadline: Duration,
) {
    let all_ended = async |check: fn(&[JoinHandle<anyhow::Result<()>>]) -> bool| {
        let mut poll = tokio::time::interval(Duration::from_millis(20));
        while !check(threads) {
            poll.tick().await;
        }
    };
    tokio::select! {
        signal = signals.next() => tracing::info!(signal, "draining"),
        // None ends by itself: one that did has failed, and the node with it.
        () = all_ended(|threads| threads.iter().any(JoinHandle::is_finished)) => return,
    }
    lifecycle.drain();
    tokio::select! {
        () = all_ended(|threads| threads.iter().all(JoinHandle::is_finished)) => {
            tracing::info!("drained");
        }
        signal = signals.next() => tracing::warn!(signal, "second signal, ending at once"),
        () = tokio::time::sleep(deadline) => tracing::warn!("the drain's deadline has passed"),
    }
}

fn join(threads: Vec<JoinHandle<anyhow::Result<()>>>) -> anyhow::Result<()> {
    for thread in threads {
        match thread.join() {
            Ok(outcome) => outcome?,
            Err(_) => bail!("a worker or the source panicked"),
        }
    }
    Ok(())
}
