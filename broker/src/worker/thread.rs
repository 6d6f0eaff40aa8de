use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::time::MissedTickBehavior;

use crate::bus::Inbox;
use crate::listener::{
    Admission, Arrival, Front, FrontParts, Pages, ServerConfig, WorkerDoor, accept,
};
use crate::node::{Node, Parts};
use crate::plugin::PluginChanges;
use crate::publication::Publication;
use crate::session::SocketIoConfig;
use crate::shutdown::Lifecycle;
use crate::source::Ingest;

/// What is sent to a worker's thread.
pub(super) struct WorkerParts {
    pub node: Parts,
    pub changes: PluginChanges,
    pub socket: std::net::TcpListener,
    pub inbox: Inbox,
    pub arrivals: mpsc::UnboundedReceiver<Arrival>,
    pub lifecycle: Lifecycle,
    pub config: Arc<ServerConfig>,
    pub socketio: Arc<SocketIoConfig>,
    pub admission: Arc<Admission>,
    pub doors: Arc<[WorkerDoor]>,
    pub ingest: Ingest,
    pub pages: Option<Pages>,
}

/// Publications taken from the inbox in one turn; beyond it sessions get their turn first.
const TURN: usize = 1_024;

/// The coarse timer; `node::Tick` counts in it.
const TICK: Duration = Duration::from_millis(100);

/// For the last answers to be written: of calls, and of polling requests whose sessions have just
/// ended.
const LAST_ANSWERS: Duration = Duration::from_millis(50);

/// Runs a worker until the node has drained or ends.
pub(super) fn run(parts: WorkerParts) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot make a worker's runtime")?;
    let local = LocalSet::new();
    local.block_on(&runtime, live(parts))
}

struct Worker {
    node: Rc<Node>,
    front: Rc<Front>,
    changes: PluginChanges,
    inbox: Inbox,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    lifecycle: Lifecycle,
    config: Arc<ServerConfig>,
    batch: Vec<Arc<Publication>>,
    draining: bool,
}

/// All that can wake a worker, apart from its sessions' sockets.
enum Event {
    End,
    Drain,
    Publications,
    InboxClosed,
    PluginsChanged,
    Arrival(Option<Arrival>),
    Tick,
    Review,
}

async fn live(parts: WorkerParts) -> anyhow::Result<()> {
    let WorkerParts {
        node,
        changes,
        socket,
        inbox,
        arrivals,
        lifecycle,
        config,
        socketio,
        admission,
        doors,
        ingest,
        pages,
    } = parts;
    let node = Node::new(node);
    let front = Front::new(FrontParts {
        node: node.clone(),
        lifecycle: lifecycle.clone(),
        config: config.clone(),
        socketio,
        admission,
        workers: doors,
        ingest,
        pages,
    });
    let socket = tokio::net::TcpListener::from_std(socket).context("cannot adopt the listener")?;
    tokio::task::spawn_local(accept::accept(socket, front.clone()));
    let batch = Vec::with_capacity(TURN);
    let worker = Worker {
        node,
        front,
        changes,
        inbox,
        arrivals,
        lifecycle,
        config,
        batch,
        draining: false,
    };
    worker.run().await;
    Ok(())
}

impl Worker {
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.next_event(&mut ticks).await {
                Event::End | Event::InboxClosed => break,
                event => self.handle(event),
            }
            self.node.review_some();
            if self.draining && self.front.is_empty() {
                tokio::time::sleep(LAST_ANSWERS).await;
                break;
            }
        }
        self.front.close_all();
    }

    async fn next_event(&mut self, ticks: &mut tokio::time::Interval) -> Event {
        tokio::select! {
            biased;
            () = self.lifecycle.ended() => Event::End,
            () = self.lifecycle.draining(), if !self.draining => Event::Drain,
            _ = ticks.tick() => Event::Tick,
            () = self.changes.arrived() => Event::PluginsChanged,
            more = self.inbox.receive(&mut self.batch, TURN) => {
                if more { Event::Publications } else { Event::InboxClosed }
            }
            arrival = self.arrivals.recv() => Event::Arrival(arrival),
            () = tokio::task::yield_now(), if self.node.is_reviewing() => Event::Review,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Publications => {
                for missed in self.inbox.take_missed() {
                    self.node.missed(&missed);
                }
                self.node.deliver(&self.batch);
                self.batch.clear();
                self.node.flush();
            }
            Event::PluginsChanged => self.node.switch_plugins(),
            Event::Arrival(Some(arrival)) => self.front.adopt(arrival),
            Event::Tick => {
                self.node.sweep();
                self.front.tick();
            }
            Event::Drain => {
                self.draining = true;
                self.front.drain(self.config.drain_spread);
            }
            Event::Arrival(None) | Event::Review | Event::End | Event::InboxClosed => {}
        }
    }
}
