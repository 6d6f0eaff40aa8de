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

use super::endpoint::Endpoint;
use super::publisher::{Outgoing, What};
use super::sharded::{self, Message};
use super::subscriber::timed_out;
use crate::backoff::Backoff;
use crate::bus::ids::IdSource;
use crate::bus::{PublishError, announcement, queue, wire};
use crate::identity::NodeId;

/// Publications in one pipeline, at most.
const BATCH: usize = 256;
/// A pipeline takes no more publications from here on.
const BATCH_BYTES: usize = 1 << 20;
/// Pipelines in flight.
const IN_FLIGHT: usize = 64;
/// No more pipelines are sent from here on: what is in flight must pass a slow line within the
/// time that Redis has to answer.
const IN_FLIGHT_BYTES: usize = 4 << 20;

/// Where publications go.
pub struct Route {
    pub shared: String,
    pub probe: Arc<str>,
    pub control: Arc<str>,
    /// `None`: everything goes to the shared channel.
    pub topic_prefix: Option<String>,
    pub node: NodeId,
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
/// A batch in flight, of so many bytes; fails when the connection is of no more use.
type Sent = Pin<Box<dyn Future<Output = RedisResult<usize>> + Send>>;

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
        let mut bytes = 0;
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            while !waiting.is_empty() && in_flight.len() < most && bytes < IN_FLIGHT_BYTES {
                let (batch, weight) = next_batch(&mut waiting);
                let mut sent = self.send(batch, weight, connection.clone());
                // The first poll puts the batch into the connection's queue: in this order.
                match poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx))).await {
                    Poll::Ready(sent) => drop(sent?),
                    Poll::Pending => {
                        bytes += weight;
                        in_flight.push(sent);
                    }
                }
            }
            tokio::select! {
                biased;
                Some(sent) = in_flight.next() => bytes -= sent?,
                taken = self.queue.recv_many(&mut waiting, BATCH), if waiting.is_empty() => {
                    if taken == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn send(&mut self, batch: Vec<Outgoing>, weight: usize, connection: Connection) -> Sent {
        let mut answers = Vec::with_capacity(batch.len());
        let mut messages = Vec::with_capacity(batch.len());
        for outgoing in batch {
            messages.push(self.address(outgoing.what));
            answers.push(outgoing.done);
        }
        match connection {
            Connection::Single(mut connection) => Box::pin(async move {
                let mut pipeline = Pipeline::with_capacity(messages.len());
                for Message {
                    channel, payload, ..
                } in messages
                {
                    pipeline.cmd("PUBLISH").arg(channel).arg(payload);
                }
                let count = pipeline.len();
                let values = connection.send_packed_commands(&pipeline, 0, count).await?;
                answer(answers, values.iter().map(sharded::acknowledged));
                Ok(weight)
            }),
            Connection::Cluster(connection) => Box::pin(async move {
                let published = sharded::publish(connection, messages).await;
                answer(answers, published.acknowledged);
                published.failed.map_or(Ok(weight), Err)
            }),
        }
    }

    fn address(&mut self, what: What) -> Message {
        match what {
            What::Probe(number) => Message {
                channel: self.route.probe.to_string(),
                payload: number.to_string().into_bytes(),
                to_all: false,
            },
            What::Announcement(announcement) => Message {
                channel: self.route.control.to_string(),
                payload: announcement::encode(&announcement, self.route.node.as_str()),
                to_all: true,
            },
            What::Publication(mut draft) => {
                if draft.id.is_empty() {
                    draft.id = self.ids.next();
                }
                let channel = match &self.route.topic_prefix {
                    Some(prefix) => format!("{prefix}{}", draft.topic),
                    None => self.route.shared.clone(),
                };
                Message {
                    channel,
                    payload: wire::encode(&draft, self.route.node.as_str()),
                    to_all: false,
                }
            }
        }
    }
}

/// The front of `waiting`, at least one publication, and its bytes.
fn next_batch(waiting: &mut Vec<Outgoing>) -> (Vec<Outgoing>, usize) {
    let mut weight = 0;
    let beyond = waiting.iter().position(|outgoing| {
        let full = weight >= BATCH_BYTES;
        weight += if full { 0 } else { outgoing.bytes() };
        full
    });
    let batch = waiting.drain(..beyond.unwrap_or(waiting.len())).collect();
    (batch, weight)
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
            outgoing.answer(Err(PublishError::Unavailable));
        }
    }
}
