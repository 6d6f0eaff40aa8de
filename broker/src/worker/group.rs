//! The workers of a node: what they have in common, and starting them.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use anyhow::Context;
use tokio::sync::mpsc;

use super::thread::{self, WorkerParts};
use crate::auth::Auth;
use crate::bus::{Bus, Inbox};
use crate::limits::Limits;
use crate::listener::{Admission, Arrival, Pages, ServerConfig, WorkerDoor};
use crate::node::Parts;
use crate::outbox::TopicRule;
use crate::plugin::{IoPlugins, WorkerPlugins};
use crate::session::SocketIoConfig;
use crate::shutdown::Lifecycle;
use crate::source::Ingest;

/// What all workers have in common.
pub(super) struct Group {
    pub limits: Arc<Limits>,
    pub config: Arc<ServerConfig>,
    pub lifecycle: Lifecycle,
    pub ingest: Ingest,
    pub pages: Option<Pages>,
    pub socketio: Arc<SocketIoConfig>,
    pub auth: Auth,
    pub bus: Bus,
    /// Most specific pattern first.
    pub rules: Arc<[TopicRule]>,
    pub io_plugins: IoPlugins,
}

impl Group {
    /// A thread for each listening socket, with the plugins and the inbox at the same place.
    pub(super) fn start(
        &self,
        sockets: Vec<TcpListener>,
        plugins: Vec<WorkerPlugins>,
        inboxes: Vec<Inbox>,
    ) -> anyhow::Result<Vec<JoinHandle<anyhow::Result<()>>>> {
        let admission = Admission::new(&self.limits);
        let (doors, arrivals): (Vec<_>, Vec<_>) = sockets.iter().map(|_| door()).unzip();
        let doors: Arc<[WorkerDoor]> = doors.into();
        let own = sockets.into_iter().zip(plugins).zip(inboxes).zip(arrivals);
        own.enumerate()
            .map(|(worker, (((socket, plugins), inbox), arrivals))| {
                let parts = WorkerParts {
                    changes: plugins.changes(),
                    node: self.node(worker, plugins),
                    socket,
                    inbox,
                    arrivals,
                    lifecycle: self.lifecycle.clone(),
                    config: self.config.clone(),
                    socketio: self.socketio.clone(),
                    admission: admission.clone(),
                    doors: doors.clone(),
                    ingest: self.ingest.clone(),
                    pages: self.pages.clone(),
                };
                let thread = std::thread::Builder::new()
                    .name(format!("tidegate-w{worker}"))
                    .spawn(move || thread::run(parts));
                thread.context("cannot start a worker")
            })
            .collect()
    }

    fn node(&self, worker: usize, plugins: WorkerPlugins) -> Parts {
        Parts {
            id: self.config.node_id.clone(),
            worker,
            limits: self.limits.clone(),
            rules: self.rules.clone(),
            auth: self.auth.clone(),
            bus: self.bus.clone(),
            plugins,
            io_plugins: self.io_plugins.clone(),
        }
    }
}

fn door() -> (WorkerDoor, mpsc::UnboundedReceiver<Arrival>) {
    // Bounded by the sessions and the HTTP requests that a node has taken in.
    let (arrivals, receiver) = mpsc::unbounded_channel();
    let door = WorkerDoor {
        arrivals,
        sessions: AtomicUsize::new(0),
    };
    (door, receiver)
}
