use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::files;
use super::group::Group;
use super::outside::outside;
use super::signals::Signals;
use crate::admin::{self, Admin, AdminConfig, Control, Revoked};
use crate::auth::Auth;
use crate::bus::{self, Bus, BusConfig, Coalesce, Inbox, InboxSender};
use crate::config::Settings;
use crate::identity::NodeId;
use crate::listener::{Pages, ServerConfig, socket};
use crate::metrics;
use crate::node::Logout;
use crate::outbox::TopicRule;
use crate::plugin::{IoPlugins, PluginHost};
use crate::shutdown::Lifecycle;
use crate::source;
use crate::store::{Store, StoreConfig};

/// Threads of the runtime that carries what waits: Redis, Kafka, sessions, signatures.
const IO_THREADS: usize = 2;

/// Runs a node until a signal ends it. `Err` = it could not start or a worker failed.
pub fn serve(settings: Settings) -> anyhow::Result<()> {
    files::raise_limit();
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
    let deadline = settings.server.drain_timeout;
    let node = start(settings, &io, &lifecycle)?;
    lifecycle.set_started();
    let workers = node.workers;
    tracing::info!(address = %node.address, node = %node.id, workers, "listening");
    io.block_on(wait(&mut signals, &lifecycle, &node, deadline));
    lifecycle.end();
    let outcome = join(node.threads);
    node.plugins.stop();
    node.store.close();
    io.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A started node.
struct Started {
    workers: usize,
    id: NodeId,
    address: SocketAddr,
    /// The workers', and the source's if there is one.
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
    plugins: PluginHost,
    store: Store,
    io_plugins: IoPlugins,
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
        store,
        ..
    } = settings;
    let workers = server.workers;
    let (sockets, address) = bind(&server)?;
    let auth = io.block_on(Auth::start(auth))?;
    let store = open_store(&store, &bus, io)?;
    let (senders, inboxes) = inboxes(workers, limits.inbox_publications);
    let rules = most_specific_first(topics);
    let (on_announcement, waits) = (Logout::hearing(&auth), coalesce(&rules));
    let bus = io.block_on(async {
        Bus::start(
            bus,
            &server.node_id,
            senders,
            waits,
            lifecycle.clone(),
            on_announcement,
        )
    })?;
    let outside = outside(store.clone(), &bus, &auth, limits.publication_bytes);
    let (plugins, handed) = PluginHost::start(plugin, workers, io.handle(), outside)?;
    let _io = io.enter();
    let logout = Logout::new(auth.clone(), bus.clone());
    let admin = start_admin(admin, lifecycle, &plugins, logout)?;
    let (ingest, source) = source::start(source::Parts {
        config: source,
        node_id: server.node_id.to_string(),
        plugins: handed.source,
        bus: bus.clone(),
        lifecycle: lifecycle.clone(),
        io: io.handle().clone(),
        publication_bytes: limits.publication_bytes,
    })?;

    let id = server.node_id.clone();
    let group = Group {
        pages: server.pages.as_deref().map(Pages::new),
        limits: Arc::new(limits),
        config: Arc::new(server),
        lifecycle: lifecycle.clone(),
        ingest,
        socketio: Arc::new(socketio),
        auth,
        bus,
        rules,
        io_plugins: handed.io.clone(),
    };
    let mut threads = group.start(sockets, handed.workers, inboxes)?;
    threads.extend(source);
    Ok(Started {
        workers,
        id,
        address,
        threads,
        plugins,
        store,
        io_plugins: handed.io,
        _admin: admin,
    })
}

fn open_store(config: &StoreConfig, bus: &BusConfig, io: &Runtime) -> anyhow::Result<Store> {
    if matches!(bus, BusConfig::Redis(_)) {
        config.warn_of_separate_stores();
    }
    Ok(Store::open(config, io.handle())?)
}

fn inboxes(workers: usize, publications: usize) -> (Vec<InboxSender>, Vec<Inbox>) {
    (0..workers).map(|_| bus::inbox(publications)).unzip()
}

fn coalesce(rules: &[TopicRule]) -> Coalesce {
    let wait = |rule: &TopicRule| (rule.pattern.clone(), rule.coalesce);
    Coalesce::new(rules.iter().map(wait))
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
    logout: Logout,
) -> anyhow::Result<Option<Admin>> {
    let Some(bind) = config.bind else {
        return Ok(None);
    };
    let exporter = metrics::install().map_err(anyhow::Error::msg)?;
    let (counted, shown, reloaded) = (plugins.clone(), plugins.clone(), plugins.clone());
    let control = Control {
        lifecycle: lifecycle.clone(),
        metrics: Box::new(move || {
            counted.publish_metrics();
            exporter.render()
        }),
        plugins: Box::new(move || serde_json::json!(shown.status())),
        reload: Box::new(move |name| reloaded.request_reload(name).is_ok()),
        revoke: Box::new(move |whose| Box::pin(revoke(logout.clone(), whose))),
    };
    let admin = admin::start(bind, control)?;
    tracing::info!(address = %admin.address(), "admin listening");
    Ok(Some(admin))
}

/// Says what was not done, and what holds then.
async fn revoke(logout: Logout, whose: Revoked) -> Result<(), String> {
    let outcome = match &whose {
        Revoked::Session(id) => logout.session(id).await,
        Revoked::Subject(subject) => logout.subject(subject).await,
    };
    if let Err(error) = outcome.announced {
        return Err(format!(
            "revoked on this node only, the others could not be told ({error}): try again, or \
             its tokens are good there until they expire"
        ));
    }
    outcome.stored.map_err(|error| {
        format!(
            "its tokens are revoked on all nodes, but the session is still stored ({error}): \
             try again"
        )
    })
}

/// Until the first signal; then drains until all threads and calls have ended, the deadline has passed
/// or a second signal comes.
async fn wait(signals: &mut Signals, lifecycle: &Lifecycle, node: &Started, deadline: Duration) {
    let threads = node.threads.as_slice();
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
    let drained = async {
        all_ended(|threads| threads.iter().all(JoinHandle::is_finished)).await;
        // Those that have outlived their callers.
        node.io_plugins.calls_ended().await;
    };
    tokio::select! {
        () = drained => tracing::info!("drained"),
        signal = signals.next() => tracing::warn!(signal, "second signal, ending at once"),
        () = tokio::time::sleep(deadline) => {
            tracing::warn!(running = running(threads), "the drain's deadline has passed");
        }
    }
}

/// The names of the threads that have not ended: the workers whose clients stay, or the source
/// whose Kafka does not let it go.
fn running(threads: &[JoinHandle<anyhow::Result<()>>]) -> String {
    let running = threads.iter().filter(|thread| !thread.is_finished());
    let names = running.filter_map(|thread| thread.thread().name());
    names.collect::<Vec<_>>().join(" ")
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
