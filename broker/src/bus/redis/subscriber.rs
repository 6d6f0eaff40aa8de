//! One subscribing connection, whichever way the server offers.

use futures_util::{StreamExt, TryStreamExt, stream};
use redis::aio::{MultiplexedConnection, PubSubSink};
use redis::cluster_async::ClusterConnection;
use redis::{ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::arrivals::Arrivals;
use super::endpoint::Endpoint;

/// Channels in one SUBSCRIBE: one command holds the server's only thread.
const CHANNELS_PER_COMMAND: usize = 1_000;
/// SSUBSCRIBEs in flight: a cluster takes only channels of one slot in one command.
const CLUSTER_IN_FLIGHT: usize = 64;

/// Dropping it closes the connection.
pub enum Subscriber {
    /// RESP3: pushes are handed over by the connection's own reader.
    Push(MultiplexedConnection),
    /// RESP2: the crate's channel is unbounded, so a task does nothing but empty it.
    Polled {
        sink: PubSubSink,
        _mover: AbortOnDropHandle<()>,
    },
    Cluster(ClusterConnection),
}

/// Sharded channels live on the node that owns their slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    Sharded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Join,
    Leave,
}

/// What a connection says of itself.
#[derive(Clone)]
pub struct Signals {
    /// The connection is gone.
    pub lost: CancellationToken,
    /// Sharded channels that are no longer subscribed: asked for, or because their slot moved.
    pub left: mpsc::UnboundedSender<Vec<u8>>,
}

impl Signals {
    fn push(&self, push: &PushInfo) {
        match push.kind {
            PushKind::Disconnection => self.lost.cancel(),
            PushKind::SUnsubscribe => {
                if let Some(Value::BulkString(channel)) = push.data.first() {
                    let _ = self.left.send(channel.clone());
                }
            }
            _ => {}
        }
    }
}

impl Subscriber {
    pub async fn connect(
        endpoint: &Endpoint,
        arrivals: Arrivals,
        signals: Signals,
    ) -> RedisResult<Self> {
        let pushed = {
            let (arrivals, signals) = (arrivals.clone(), signals.clone());
            move |push: PushInfo| -> Result<(), redis::aio::SendError> {
                signals.push(&push);
                arrivals.push(push);
                Ok(())
            }
        };
        if endpoint.cluster {
            let client = endpoint.cluster_builder().push_sender(pushed).build()?;
            let connecting = client.get_async_connection();
            return within(endpoint, connecting).await.map(Self::Cluster);
        }
        let config = endpoint.connection_config().set_push_sender(pushed);
        let client = endpoint.client(ProtocolVersion::RESP3)?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        match within(endpoint, connecting).await {
            Ok(connection) => Ok(Self::Push(connection)),
            Err(error) if knows_no_resp3(&error) => {
                Self::connect_polled(endpoint, arrivals, signals).await
            }
            Err(error) => Err(error),
        }
    }

    async fn connect_polled(
        endpoint: &Endpoint,
        arrivals: Arrivals,
        signals: Signals,
    ) -> RedisResult<Self> {
        let client = endpoint.client(ProtocolVersion::RESP2)?;
        let (sink, mut messages) = within(endpoint, client.get_async_pubsub()).await?.split();
        let mover = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                arrivals.message(&message);
            }
            signals.lost.cancel();
        });
        Ok(Self::Polled {
            sink,
            _mover: AbortOnDropHandle::new(mover),
        })
    }

    /// Subscribes or unsubscribes; returns when the server acknowledged each channel.
    pub async fn change(
        &mut self,
        endpoint: &Endpoint,
        change: Change,
        kind: Kind,
        channels: Vec<String>,
    ) -> RedisResult<()> {
        if let (Self::Cluster(connection), Kind::Sharded) = (&*self, kind) {
            return change_sharded(connection, change, channels).await;
        }
        for channels in channels.chunks(CHANNELS_PER_COMMAND) {
            within_command(endpoint, async {
                match (&mut *self, change) {
                    (Self::Push(connection), Change::Join) => connection.subscribe(channels).await,
                    (Self::Push(connection), Change::Leave) => {
                        connection.unsubscribe(channels).await
                    }
                    (Self::Polled { sink, .. }, Change::Join) => sink.subscribe(channels).await,
                    (Self::Polled { sink, .. }, Change::Leave) => sink.unsubscribe(channels).await,
                    (Self::Cluster(cluster), Change::Join) => cluster.subscribe(channels).await,
                    (Self::Cluster(cluster), Change::Leave) => cluster.unsubscribe(channels).await,
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps the connection open and finds out whether it still is.
    pub async fn ping(&mut self, endpoint: &Endpoint) -> RedisResult<()> {
        let ping = redis::cmd("PING");
        within_command(endpoint, async {
            match self {
                Self::Push(connection) => ping.exec_async(connection).await,
                Self::Polled { sink, .. } => sink.ping::<Value>().await.map(drop),
                Self::Cluster(connection) => ping.exec_async(connection).await,
            }
        })
        .await
    }
}

async fn change_sharded(
    connection: &ClusterConnection,
    change: Change,
    channels: Vec<String>,
) -> RedisResult<()> {
    stream::iter(channels)
        .map(|channel| {
            let mut connection = connection.clone();
            async move {
                match change {
                    Change::Join => connection.ssubscribe(channel).await,
                    Change::Leave => connection.sunsubscribe(channel).await,
                }
            }
        })
        .buffer_unordered(CLUSTER_IN_FLIGHT)
        .try_collect()
        .await
}

async fn within<T>(
    endpoint: &Endpoint,
    connecting: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    timeout(endpoint.connect_timeout, connecting)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

async fn within_command<T>(
    endpoint: &Endpoint,
    asked: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    timeout(endpoint.command_timeout, asked)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

pub fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Servers before Redis 6, and those where HELLO is renamed or forbidden.
fn knows_no_resp3(error: &RedisError) -> bool {
    if error.kind() == ErrorKind::RESP3NotSupported {
        return true;
    }
    let text = error.to_string();
    !error.is_io_error() && (text.contains("HELLO") || text.contains("NOPROTO"))
}
