//! The publishing side: pipelines on one connection, many in flight, in the order they came.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::{Pipeline, ProtocolVersion, RedisError, RedisResult};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::backoff::Backoff;
use super::endpoint::Endpoint;
use super::sharded;
use super::subscriber::timed_out;
use crate::bus::ids::IdSource;
use crate::bus::{PublishError, queue, wire};
use crate::publication::Draft;

/// Publications in one pipeline.
const BATCH: usize = 256;
/// Pipelines in flight.
const IN_FLIGHT: usize = 64;

/// The handle that callers publish with.
#[derive(Clone)]
pub struct Publisher {
    queue: queue::Sender<Outgoing>,
    up: Arc<AtomicBool>,
}

pub struct Outgoing {
    what: What,
    done: Option<oneshot::Sender<Result<(), PublishError>>>,
}

enum What {
    Publication(Draft),
    Probe(u64),
}

impl Publisher {
    pub fn new() -> (Self, queue::Receiver<Outgoing>, Arc<AtomicBool>) {
        let (queue, receiver) = queue::queue(|outgoing: &Outgoing| match &outgoing.what {
            What::Publication(draft) => crate::bus::draft_bytes(draft),
            What::Probe(_) => 0,
        });
        let up = Arc::new(AtomicBool::new(false));
        let publisher = Self {
            queue,
            up: up.clone(),
        };
        (publisher, receiver, up)
    }

    /// Resolves when Redis acknowledged; fails at once while it is not connected.
    pub async fn publish(&self, draft: Draft) -> Result<(), PublishError> {
        if !self.up.load(Ordering::Acquire) {
            return Err(PublishError::Unavailable);
        }
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Outgoing {
            what: What::Publication(draft),
            done: Some(done),
        })?;
        answer.await.unwrap_or(Err(PublishError::Unavailable))
    }

    /// Publishes a probe on the way that publications take.
    pub fn probe(&self, number: u64) {
        // A probe that finds no room is one that is not heard, which is what it is for.
        let _ = self.queue.try_send(Outgoing {
            what: What::Probe(number),
            done: None,
        });
    }
}

/// Where publications go.
pub struct Route {
    pub shared: String,
    pub probe: Arc<str>,
    /// `None`: everything goes to the shared channel.
    pub topic_prefix: Option<String>,
    pub node: Arc<str>,
}

pub struct Writer {
    pub endpoint: Endpoint,
    pub route: Route,
    pub queue: queue::Receiver<Outgoing>,
    pub up: Arc<AtomicBool>,
    pub backoff: Backoff,
    pub ids: IdSource,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

type Answers = Vec<Option<oneshot::Sender<Result<(), PublishError>>>>;
/// A batch in flight; fails when the connection is of no more use.
type Sent = Pin<Box<dyn Future<Output = RedisResult<()>> + Send>>;

impl Writer {
    /// Runs until every handle is gone.
    pub async fn run(mut self) {
        loop {
            let connecting = connect(self.endpoint.clone());
            let connected = tokio::select! {
                connected = connecting => connected,
                () = refuse(&mut self.queue) => return,
            };
            match connected {
                Ok(connection) => {
                    info!(redis = self.endpoint.name(), "publishing to redis");
                    let since = Instant::now();
                    self.up.store(true, Ordering::Release);
                    let ended = self.serve(connection).await;
                    self.up.store(false, Ordering::Release);
                    let Err(error) = ended else { return };
                    self.backoff.lasted(since.elapsed());
                    warn!(redis = self.endpoint.name(), %error, "cannot publish to redis any more");
                }
                Err(error) => {
                    warn!(redis = self.endpoint.name(), %error, "cannot publish to redis");
                }
            }
            let wait = self.backoff.wait();
            tokio::select! {
                () = sleep(wait) => {}
                () = refuse(&mut self.queue) => return,
            }
        }
    }

    /// Publishes until the connection fails, or `Ok` when every handle is gone. Batches that are
    /// in flight then are dropped, which answers their callers.
    async fn serve(&mut self, connection: Connection) -> RedisResult<()> {
        // In a cluster batches go to several nodes; the next of a topic waits for the one before.
        let most = match &connection {
            Connection::Single(_) => IN_FLIGHT,
            Connection::Cluster(_) => 1,
        };
        let mut in_flight = FuturesUnordered::<Sent>::new();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(sent) = in_flight.next() => sent?,
                taken = self.queue.recv_many(&mut batch, BATCH), if in_flight.len() < most => {
                    if taken == 0 {
                        return Ok(());
                    }
                    let mut sent = self.send(&mut batch, connection.clone());
                    // The first poll puts the batch into the connection's queue: in this order.
                    match poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))).await {
                        Poll::Ready(sent) => sent?,
                        Poll::Pending => in_flight.push(sent),
                    }
                }
            }
        }
    }

    fn send(&mut self, batch: &mut Vec<Outgoing>, connection: Connection) -> Sent {
        let mut answers = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        for outgoing in batch.drain(..) {
            messages.push(self.address(outgoing.what));
            answers.push(outgoing.done);
        }
        match connection {
            Connection::Single(mut connection) => Box::pin(async move {
                let mut pipeline = Pipeline::with_capacity(messages.len());
                for (channel, message) in messages {
                    pipeline.cmd("PUBLISH").arg(channel).arg(message);
                }
                let count = pipeline.len();
                let values = connection.send_packed_commands(&pipeline, 0, count).await?;
                answer(answers, values.iter().map(sharded::acknowledged));
                Ok(())
            }),
            Connection::Cluster(connection) => Box::pin(async move {
                answer(answers, sharded::publish(connection, messages).await);
                Ok(())
            }),
        }
    }

    /// The channel and the wire form.
    fn address(&mut self, what: What) -> (String, Vec<u8>) {
        match what {
            What::Probe(number) => (
                self.route.probe.to_string(),
                number.to_string().into_bytes(),
            ),
            What::Publication(mut draft) => {
                if draft.id.is_empty() {
                    draft.id = self.ids.next();
                }
                let channel = match &self.route.topic_prefix {
                    Some(prefix) => format!("{prefix}{}", draft.topic),
                    None => self.route.shared.clone(),
                };
                (channel, wire::encode(&draft, &self.route.node))
            }
        }
    }
}

fn answer(answers: Answers, acknowledged: impl IntoIterator<Item = bool>) {
    for (done, acknowledged) in answers.into_iter().zip(acknowledged) {
        if let Some(done) = done {
            let answer = acknowledged.then_some(()).ok_or(PublishError::Unavailable);
            // The caller may have gone.
            let _ = done.send(answer);
        }
    }
}

async fn connect(endpoint: Endpoint) -> RedisResult<Connection> {
    let connecting = async {
        if endpoint.cluster {
            let client = endpoint.cluster_builder().build()?;
            return client.get_async_connection().await.map(Connection::Cluster);
        }
        let client = endpoint.client(ProtocolVersion::RESP2)?;
        let config = endpoint.connection_config();
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map(Connection::Single)
    };
    timeout(endpoint.connect_timeout, connecting)
        .await
        .unwrap_or_else(|_| Err::<_, RedisError>(timed_out()))
}

/// Answers what was queued before the connection was known to be lost; returns when every handle
/// is gone.
async fn refuse(queue: &mut queue::Receiver<Outgoing>) {
    let mut refused = Vec::new();
    while queue.recv_many(&mut refused, BATCH).await > 0 {
        for outgoing in refused.drain(..) {
            if let Some(done) = outgoing.done {
                let _ = done.send(Err(PublishError::Unavailable));
            }
        }
    }
}
