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
use crate::plugin::{Handed, PluginHost};
use crate::session::SocketIoConfig;
use crate::shutdown::Lifecycle;

/// Threads of the runtime that carries what waits: Redis, sessions, signatures.
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
    address: std::net::SocketAddr,
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
        ..
    } = settings;
    let workers = server.workers;
    let sockets = socket::bind_group(server.bind, workers)
        .with_context(|| format!("cannot listen on {}", server.bind))?;
    let address = sockets[0]
        .local_addr()
        .context("cannot read the listener's address")?;
    let auth = io.block_on(Auth::start(auth))?;
    let (plugins, handed) = PluginHost::start(plugin, workers, io.handle())?;
    // Nothing maps yet; the sources take it.
    let Handed {
        workers: worker_plugins,
        io: io_plugins,
        ..
    } = handed;
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..workers)
        .map(|_| bus::inbox(limits.inbox_publications))
        .unzip();
    let bus = {
        let _io = io.enter();
        Bus::start(bus, &server.node_id, senders, lifecycle.clone())?
    };
    let admin = start_admin(admin, lifecycle, &plugins)?;

    let (doors, arrivals): (Vec<_>, Vec<_>) = (0..workers).map(|_| door()).unzip();
    let shared = Shared {
        admission: Admission::new(&limits),
        limits: Arc::new(limits),
        config: Arc::new(server),
        socketio: Arc::new(socketio),
        doors: doors.into(),
        lifecycle: lifecycle.clone(),
    };
    let mut rules = topics;
    rules.sort_by(|a, b| a.pattern.specificity(&b.pattern));
    let rules: Arc<[_]> = rules.into();
    let parts = sockets
        .into_iter()
        .zip(worker_plugins)
        .zip(inboxes)
        .zip(arrivals);
    let threads = parts
        .enumerate()
        .map(|(worker, (((socket, plugins), inbox), arrivals))| {
            let changes = plugins.changes();
            let limits = shared.limits.clone();
            let (auth, bus, rules) = (auth.clone(), bus.clone(), rules.clone());
            let io_plugins = io_plugins.clone();
            let node = Parts {
                id: shared.config.node_id.clone(),
                worker,
                limits,
                rules,
                auth,
                bus,
                plugins,
                io_plugins,
            };
            shared.spawn(node, changes, socket, inbox, arrivals)
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Started {
        id: shared.config.node_id.clone(),
        address,
        threads,
        plugins,
        _admin: admin,
    })
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
    lifecycle: Lifecycle,
}

impl Shared {
    fn spawn(
        &self,
        node: Parts,
        changes: crate::plugin::PluginChanges,
        socket: std::net::TcpListener,
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
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || thread::run(parts));
        thread.context("cannot start a worker")
    }
}

/// Until the first signal; then drains until all workers have ended, the deadline has passed or a
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
        // A worker never ends by itself: one that did has failed, and the node with it.
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
            Err(_) => bail!("a worker panicked"),
        }
    }
    Ok(())
}
