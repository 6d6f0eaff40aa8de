//! The subscribing side: keeps one connection to Redis and on it what is wanted.

use std::sync::Arc;
use std::time::Duration;

use redis::RedisResult;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::arrivals::Arrivals;
use super::channels::{Channels, Round, Wish};
use super::endpoint::Endpoint;
use super::subscriber::{Change, Kind, Signals, Subscriber, timed_out};
use crate::backoff::Backoff;
use crate::topic::Topic;

/// Wishes taken in at once.
const WISHES: usize = 4_096;

/// What the bus task hears of the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// Connected, and everything that was wanted is subscribed; these wishes are live.
    Up(Vec<(Topic, u64)>),
    Live(Vec<(Topic, u64)>),
    Down,
}

/// How channels are named and subscribed.
#[derive(Clone)]
pub struct Naming {
    /// The channel that is read in every mode, as `control` is.
    pub shared: String,
    pub probe: Arc<str>,
    pub control: Arc<str>,
    pub topic_prefix: String,
    /// Of the topics' channels and the probe's.
    pub kind: Kind,
}

pub struct Link {
    pub endpoint: Endpoint,
    pub naming: Naming,
    pub arrivals: Arrivals,
    pub wishes: mpsc::UnboundedReceiver<Wish>,
    pub events: mpsc::Sender<LinkEvent>,
    pub backoff: Backoff,
    pub ping_interval: Duration,
    pub channels: Channels,
}

/// One connection and what it says of itself.
struct Connection {
    subscriber: Subscriber,
    lost: CancellationToken,
    left: mpsc::UnboundedReceiver<Vec<u8>>,
    /// Sharded channels that were left on purpose and have not said so yet.
    leaving: Vec<String>,
}

/// Why serving a connection ended.
enum End {
    /// The bus task is gone.
    Bus,
    Lost(String),
}

impl Link {
    /// Runs until the bus task is gone.
    pub async fn run(mut self) {
        while !self.events.is_closed() {
            match self.connect().await {
                Ok((connection, live)) => {
                    info!(redis = self.endpoint.name(), "subscribed to redis");
                    let since = Instant::now();
                    if self.events.send(LinkEvent::Up(live)).await.is_err() {
                        return;
                    }
                    let End::Lost(reason) = self.serve(connection).await else {
                        return;
                    };
                    self.backoff.lasted(since.elapsed());
                    warn!(redis = self.endpoint.name(), reason, "lost redis");
                    if self.events.send(LinkEvent::Down).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    warn!(redis = self.endpoint.name(), %error, "cannot subscribe to redis");
                }
            }
            sleep(self.backoff.wait()).await;
        }
    }

    /// Connects and subscribes everything that is wanted.
    async fn connect(&mut self) -> RedisResult<(Connection, Vec<(Topic, u64)>)> {
        let lost = CancellationToken::new();
        let (sender, left) = mpsc::unbounded_channel();
        let signals = Signals {
            lost: lost.clone(),
            left: sender,
        };
        let subscriber =
            Subscriber::connect(&self.endpoint, self.arrivals.clone(), signals).await?;
        let mut connection = Connection {
            subscriber,
            lost,
            left,
            leaving: Vec::new(),
        };
        let shared = vec![self.naming.shared.clone(), self.naming.control.to_string()];
        let probe = vec![self.naming.probe.to_string()];
        let (to, at) = (&mut connection.subscriber, &self.endpoint);
        to.change(at, Change::Join, Kind::Plain, shared).await?;
        to.change(at, Change::Join, self.naming.kind, probe).await?;

        while let Ok(wish) = self.wishes.try_recv() {
            self.channels.apply(wish);
        }
        self.channels.reconnected();
        let round = self.channels.round();
        let live = self.carry_out(round, &mut connection).await?;
        Ok((connection, live))
    }

    async fn carry_out(
        &self,
        round: Round,
        connection: &mut Connection,
    ) -> RedisResult<Vec<(Topic, u64)>> {
        let names = |topics: &[Topic]| -> Vec<String> {
            topics.iter().map(|topic| self.channel(topic)).collect()
        };
        let (leave, join) = (names(&round.unsubscribe), names(&round.subscribe));
        let kind = self.naming.kind;
        if kind == Kind::Sharded {
            connection.leaving.extend_from_slice(&leave);
        }
        let (to, at) = (&mut connection.subscriber, &self.endpoint);
        to.change(at, Change::Leave, kind, leave).await?;
        to.change(at, Change::Join, kind, join).await?;
        if connection.lost.is_cancelled() {
            return Err(timed_out());
        }
        Ok(round.live)
    }

    fn channel(&self, topic: &Topic) -> String {
        format!("{}{topic}", self.naming.topic_prefix)
    }

    async fn serve(&mut self, mut connection: Connection) -> End {
        let mut wishes = Vec::new();
        let first = Instant::now() + self.ping_interval;
        let mut ping = interval_at(first, self.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lost = connection.lost.clone();
        loop {
            tokio::select! {
                () = lost.cancelled() => return End::Lost("the connection was closed".to_owned()),
                taken = self.wishes.recv_many(&mut wishes, WISHES) => {
                    if taken == 0 {
                        return End::Bus;
                    }
                    wishes.drain(..).for_each(|wish| self.channels.apply(wish));
                    let round = self.channels.round();
                    match self.carry_out(round, &mut connection).await {
                        Ok(live) if live.is_empty() => {}
                        Ok(live) => if self.events.send(LinkEvent::Live(live)).await.is_err() {
                            return End::Bus;
                        },
                        Err(error) => return End::Lost(error.to_string()),
                    }
                }
                Some(channel) = connection.left.recv() => {
                    if let Some(moved) = self.moved(&mut connection.leaving, &channel) {
                        return End::Lost(format!("the slot of {moved} has moved"));
                    }
                }
                _ = ping.tick() => {
                    if let Err(error) = connection.subscriber.ping(&self.endpoint).await {
                        return End::Lost(format!("ping: {error}"));
                    }
                }
            }
        }
    }

    /// The channel's name, when the server itself ended its subscription.
    fn moved<'a>(&self, leaving: &mut Vec<String>, channel: &'a [u8]) -> Option<&'a str> {
        let channel = std::str::from_utf8(channel).ok()?;
        if let Some(at) = leaving.iter().position(|known| known == channel) {
            leaving.swap_remove(at);
            return None;
        }
        let topic = channel.strip_prefix(self.naming.topic_prefix.as_str());
        let wanted = topic.is_some_and(|topic| self.channels.is_wanted(topic));
        (wanted || channel == &*self.naming.probe).then_some(channel)
    }
}
