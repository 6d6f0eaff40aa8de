//! The bus over Redis: what this node publishes it delivers only when Redis sends it back.

mod arrivals;
mod awaiting;
mod channels;
mod endpoint;
mod link;
mod publisher;
mod sharded;
mod subscriber;
mod writer;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{debug, info, warn};

pub use publisher::Publisher;

use super::counters::Counters;
use super::fanout::Fanout;
use super::inbox::OVERLOADED;
use super::probe::Probe;
use super::{BusError, BusMode, Control, OnAnnouncement, RedisConfig, announcement, wire};
use crate::backoff::Backoff;
use crate::bus::ids::IdSource;
use crate::identity::NodeId;
use crate::publication::Draft;
use crate::shutdown::Lifecycle;
use crate::topic::Topic;
use arrivals::Arrival;
use awaiting::Awaiting;
use channels::{Channels, Wish};
use endpoint::Endpoint;
use link::{Link, LinkEvent, Naming};
use subscriber::Kind;
use writer::{Route, Writer};

/// Publications that are encoded into one buffer.
const BATCH: usize = 256;
/// Events of the link that wait; the link waits with them.
const LINK_EVENTS: usize = 16;

const RECONNECTED: &str = "the node was disconnected from redis";
const RECOVERED: &str = "redis did not deliver for a while";

/// Starts the bus task and the two tasks that hold its connections.
pub fn start(
    config: RedisConfig,
    node_id: &NodeId,
    fanout: Fanout,
    control: mpsc::UnboundedReceiver<Control>,
    lifecycle: Lifecycle,
    counters: &Counters,
    on_announcement: OnAnnouncement,
) -> Result<Publisher, BusError> {
    let endpoint = Endpoint::parse(&config)?;
    // Two processes with one node id must not hear each other's probes.
    let nonce = RandomState::new().hash_one(node_id);
    let probe: Arc<str> = format!("tidegate:probe:{node_id}:{nonce:016x}").into();
    let publisher = start_writer(&config, &endpoint, &probe, node_id);
    let subscribing = start_link(&config, endpoint, probe, counters);

    lifecycle.set_bus_live(false);
    counters.live.set(0.0);
    let task = Task {
        fanout,
        awaiting: Awaiting::new(config.mode.has_topic_channels()),
        link: subscribing.wishes,
        probe: Probe::new(config.probe_timeout),
        publisher: publisher.clone(),
        lifecycle,
        counters: counters.clone(),
        on_announcement,
        message_bytes: config.message_bytes,
        connected_before: false,
        drafts: Vec::with_capacity(BATCH),
        warned: None,
    };
    let (events, received) = (subscribing.events, subscribing.received);
    tokio::spawn(task.run(control, events, received, config.probe_interval));
    Ok(publisher)
}

/// Starts the task that publishes.
fn start_writer(
    config: &RedisConfig,
    endpoint: &Endpoint,
    probe: &Arc<str>,
    node_id: &NodeId,
) -> Publisher {
    let (publisher, queue, up) = Publisher::new();
    let topic_prefix = config.topic_channel_prefix.clone();
    let writer = Writer {
        endpoint: endpoint.clone(),
        route: Route {
            shared: config.channel.clone(),
            probe: probe.clone(),
            control: config.control_channel.as_str().into(),
            topic_prefix: config.mode.has_topic_channels().then_some(topic_prefix),
            node: node_id.clone(),
        },
        queue,
        up,
        backoff: Backoff::new(config.backoff_min, config.backoff_max),
        ids: IdSource::new(),
    };
    tokio::spawn(writer.run());
    publisher
}

/// What the bus task has of the subscribing side.
struct Subscribing {
    /// Unbounded for the reason that the workers' commands are.
    wishes: mpsc::UnboundedSender<Wish>,
    events: mpsc::Receiver<LinkEvent>,
    received: arrivals::Receiver,
}

/// Starts the task that subscribes.
fn start_link(
    config: &RedisConfig,
    endpoint: Endpoint,
    probe: Arc<str>,
    counters: &Counters,
) -> Subscribing {
    let control: Arc<str> = config.control_channel.as_str().into();
    let (arrivals, received) = arrivals::arrivals(probe.clone(), control.clone(), counters.clone());
    let (wishes, link_wishes) = mpsc::unbounded_channel();
    let (link_events, events) = mpsc::channel(LINK_EVENTS);
    let (kind, ping_interval) = match config.mode {
        // The probe goes through one shard only; that the others hang, pings must tell.
        BusMode::Sharded => (
            Kind::Sharded,
            config.ping_interval.min(config.probe_timeout),
        ),
        BusMode::Broadcast | BusMode::PerTopic => (Kind::Plain, config.ping_interval),
    };
    let link = Link {
        endpoint,
        naming: Naming {
            shared: config.channel.clone(),
            probe,
            control,
            topic_prefix: config.topic_channel_prefix.clone(),
            kind,
        },
        arrivals,
        wishes: link_wishes,
        events: link_events,
        backoff: Backoff::new(config.backoff_min, config.backoff_max),
        ping_interval,
        channels: Channels::default(),
    };
    tokio::spawn(link.run());
    Subscribing {
        wishes,
        events,
        received,
    }
}

/// The bus task.
struct Task {
    fanout: Fanout,
    awaiting: Awaiting,
    link: mpsc::UnboundedSender<Wish>,
    probe: Probe,
    publisher: Publisher,
    lifecycle: Lifecycle,
    counters: Counters,
    on_announcement: OnAnnouncement,
    message_bytes: usize,
    connected_before: bool,
    drafts: Vec<Draft>,
    /// When a malformed message was last written to the log.
    warned: Option<Instant>,
}

impl Task {
    async fn run(
        mut self,
        mut control: mpsc::UnboundedReceiver<Control>,
        mut link_events: mpsc::Receiver<LinkEvent>,
        mut received: arrivals::Receiver,
        probe_interval: Duration,
    ) {
        let lifecycle = self.lifecycle.clone();
        let mut ended = pin!(lifecycle.ended());
        let mut tick = interval(probe_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline = pin!(sleep_until(Instant::now()));
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let due = self.fanout.due();
            tokio::select! {
                biased;
                () = &mut ended => return,
                event = link_events.recv() => match event {
                    Some(event) => self.link_event(event),
                    None => return,
                },
                command = control.recv() => match command {
                    Some(command) => self.command(command),
                    None => return,
                },
                _ = tick.tick() => {
                    self.send_probe();
                    if let Some(at) = self.probe.deadline() {
                        deadline.as_mut().reset(at);
                    }
                }
                () = &mut deadline, if self.probe.deadline().is_some() => {
                    self.probe_deadline();
                    if let Some(at) = self.probe.deadline() {
                        deadline.as_mut().reset(at);
                    }
                }
                () = received.overflow.notified() => self.fanout.missed(OVERLOADED),
                taken = received.queue.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    self.receive(&mut batch);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.fanout.deliver_due();
                }
            }
        }
    }

    fn command(&mut self, command: Control) {
        let wish = match command {
            Control::Unheard { topics, done } => {
                let unheard = (0..topics.len())
                    .filter(|at| !self.hears(&topics[*at]))
                    .collect();
                // The caller may have given up.
                let _ = done.send(unheard);
                None
            }
            Control::Subscribe {
                worker,
                topic,
                done,
            } => {
                let first = self.fanout.add(worker, &topic);
                self.awaiting.subscribe(&topic, first, done)
            }
            Control::Unsubscribe { worker, topic } => {
                let last = self.fanout.remove(worker, &topic);
                last.then(|| self.awaiting.unsubscribe(&topic)).flatten()
            }
        };
        if let Some(wish) = wish {
            // Closed only when the link has ended, which ends this task too.
            let _ = self.link.send(wish);
        }
    }

    /// Whether publications on `topic` come back to this node.
    fn hears(&self, topic: &Topic) -> bool {
        !self.awaiting.has_channel_per_topic() || self.fanout.is_heard(topic)
    }

    fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(live) => {
                self.probe.restart();
                self.awaiting.up(live);
                if std::mem::replace(&mut self.connected_before, true) {
                    self.counters.reconnects.increment(1);
                    self.fanout.missed(RECONNECTED);
                }
                self.send_probe();
            }
            LinkEvent::Live(live) => self.awaiting.live(live),
            LinkEvent::Down => {
                self.awaiting.down();
                self.probe.restart();
                self.set_live(false);
            }
        }
    }

    fn send_probe(&mut self) {
        if self.awaiting.is_up() {
            let number = self.probe.send(Instant::now());
            self.publisher.probe(number);
        }
    }

    fn probe_deadline(&mut self) {
        let was_live = self.probe.is_live();
        self.probe.expire(Instant::now());
        if was_live && !self.probe.is_live() {
            warn!("the bus does not hear its own probe");
            self.set_live(false);
        }
    }

    fn probe_heard(&mut self, number: u64) {
        let was_live = self.probe.is_live();
        let Some(heard) = self.probe.heard(number, Instant::now()) else {
            return;
        };
        self.counters
            .probe_seconds
            .record(heard.round_trip.as_secs_f64());
        if heard.recovered {
            self.fanout.missed(RECOVERED);
        }
        if !was_live {
            info!("the bus hears its own probe");
            self.set_live(true);
        }
    }

    fn set_live(&self, live: bool) {
        self.lifecycle.set_bus_live(live);
        self.counters.live.set(f64::from(u8::from(live)));
    }

    fn receive(&mut self, batch: &mut Vec<Arrival>) {
        for arrival in batch.drain(..) {
            match arrival {
                Arrival::Probe(number) => self.probe_heard(number),
                Arrival::Announcement(message) => self.announced(&message),
                Arrival::Publication(message) => match wire::decode(&message, self.message_bytes) {
                    Ok(draft) => self.drafts.push(draft),
                    Err(error) => self.malformed(&error),
                },
            }
        }
        self.fanout.deliver(&mut self.drafts, Instant::now());
    }

    fn announced(&mut self, message: &[u8]) {
        match announcement::decode(message) {
            Ok(Some(announcement)) => (self.on_announcement)(announcement),
            Ok(None) => debug!("passed over an announcement of an unknown kind"),
            Err(error) => self.malformed(&error),
        }
    }

    /// Counts; writes one line in ten seconds, for one faulty publisher can send thousands.
    fn malformed(&mut self, error: &dyn std::fmt::Display) {
        self.counters.malformed.increment(1);
        let now = Instant::now();
        let quiet = self
            .warned
            .is_some_and(|last| now - last < Duration::from_secs(10));
        if quiet {
            debug!(%error, "passed over a message on redis");
        } else {
            warn!(%error, "passed over a message on redis");
            self.warned = Some(now);
        }
    }
}
