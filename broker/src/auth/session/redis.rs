//! Sessions as npm's connect-redis keeps them: one string key each, with a time to live.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisFuture, Value};

use super::{SessionError, SessionStartError, Stored};

/// A session is asked for while somebody waits for a page.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct RedisStore {
    client: AnyClient,
    prefix: String,
    /// Shared by all requests; taken out when it fails, so that the next one connects.
    connection: Mutex<Option<AnyConnection>>,
    /// Held by the one that connects.
    connecting: tokio::sync::Mutex<()>,
}

enum AnyClient {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum AnyConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl RedisStore {
    /// `url` is one URL, or several, comma-separated, of a cluster. Does not connect.
    pub(super) fn new(url: &str, prefix: &str) -> Result<Self, SessionStartError> {
        // The error's text would hold the URL, and that a password.
        let refused = |_: RedisError| SessionStartError::RedisUrl;
        let client = if url.contains(',') {
            let nodes = url
                .split(',')
                .map(str::trim)
                .filter(|node| !node.is_empty());
            let builder = ClusterClient::builder(nodes)
                .connection_timeout(TIMEOUT)
                .response_timeout(TIMEOUT)
                .retries(1);
            AnyClient::Cluster(Box::new(builder.build().map_err(refused)?))
        } else {
            AnyClient::Single(Box::new(Client::open(url).map_err(refused)?))
        };
        Ok(Self {
            client,
            prefix: prefix.to_owned(),
            connection: Mutex::default(),
            connecting: tokio::sync::Mutex::new(()),
        })
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    pub(super) async fn load(&self, id: &str) -> Result<Stored, SessionError> {
        let key = self.key(id);
        let json: Option<String> = self.ask(redis::cmd("GET").arg(&key)).await?;
        let json = json.ok_or(SessionError::Unknown)?;
        let left: i64 = self.ask(redis::cmd("PTTL").arg(&key)).await?;
        match left {
            // -1: a key without end.
            -1 => Ok(Stored { json, left: None }),
            left => Ok(Stored {
                json,
                // -2: it ended between the two commands.
                left: Some(Duration::from_millis(
                    u64::try_from(left).map_err(|_| SessionError::Expired)?,
                )),
            }),
        }
    }

    pub(super) async fn save(
        &self,
        id: &str,
        json: &str,
        ttl: Duration,
    ) -> Result<(), SessionError> {
        let mut set = redis::cmd("SET");
        set.arg(self.key(id)).arg(json).arg("EX").arg(seconds(ttl));
        self.ask(&set).await
    }

    /// As connect-redis touches: only the key's life, not the document.
    pub(super) async fn renew(&self, id: &str, ttl: Duration) -> Result<(), SessionError> {
        let mut expire = redis::cmd("EXPIRE");
        expire.arg(self.key(id)).arg(seconds(ttl));
        self.ask::<i64>(&expire).await.map(|_| ())
    }

    pub(super) async fn remove(&self, id: &str) -> Result<(), SessionError> {
        self.ask::<i64>(redis::cmd("DEL").arg(self.key(id)))
            .await
            .map(|_| ())
    }

    /// Every command here may run twice, so one that met a dead connection is tried again on a
    /// new one.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, SessionError> {
        let result = match self.try_ask(command).await {
            Err(error) if error.is_connection_dropped() || error.is_io_error() => {
                self.slot().take();
                self.try_ask(command).await
            }
            result => result,
        };
        result.map_err(|error| {
            if error.is_unrecoverable_error() || error.is_timeout() {
                self.slot().take();
            }
            tracing::warn!(kind = ?error.kind(), code = error.code(), "redis cannot answer for a session");
            SessionError::Unavailable
        })
    }

    async fn try_ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await
    }

    async fn connection(&self) -> Result<AnyConnection, RedisError> {
        if let Some(connection) = self.slot().clone() {
            return Ok(connection);
        }
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.slot().clone() {
            return Ok(connection);
        }
        let connection = self.client.connect().await?;
        *self.slot() = Some(connection.clone());
        Ok(connection)
    }

    fn slot(&self) -> MutexGuard<'_, Option<AnyConnection>> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(ttl: Duration) -> u64 {
    ttl.as_secs().max(1)
}

impl AnyClient {
    async fn connect(&self) -> Result<AnyConnection, RedisError> {
        Ok(match self {
            Self::Single(client) => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(TIMEOUT))
                    .set_response_timeout(Some(TIMEOUT));
                let connecting = client.get_multiplexed_async_connection_with_config(&config);
                AnyConnection::Single(connecting.await?)
            }
            Self::Cluster(client) => AnyConnection::Cluster(client.get_async_connection().await?),
        })
    }
}

impl ConnectionLike for AnyConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
