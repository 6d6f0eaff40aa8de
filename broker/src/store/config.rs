//! Checked settings of the store.

use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub backend: StoreBackend,
    /// Writes that wait for the disk, and reads under way (each); more are `throttled`. Of the
    /// embedded store alone: DynamoDB throttles by itself.
    pub queue: usize,
}

#[derive(Clone, Debug)]
pub enum StoreBackend {
    /// One file, [`STORE_FILE`](super::STORE_FILE), in the folder `data`.
    Embedded {
        data: PathBuf,
    },
    Dynamodb(DynamodbConfig),
}

#[derive(Clone)]
pub struct DynamodbConfig {
    /// In place of the one that the SDK finds (`AWS_ENDPOINT_URL_DYNAMODB`, the region's).
    pub endpoint: Option<String>,
    /// Put before each table's name.
    pub table_prefix: String,
    /// For one operation, retries included.
    pub timeout: Duration,
    /// Tries of one operation, the first included.
    pub attempts: u32,
    /// Access key id and secret in place of those that the SDK finds; no setting sets them. For
    /// servers beside a test, which take any.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for DynamodbConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamodbConfig")
            .field("endpoint", &self.endpoint)
            .field("table_prefix", &self.table_prefix)
            .finish_non_exhaustive()
    }
}

impl Default for DynamodbConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            table_prefix: String::new(),
            timeout: Duration::from_secs(5),
            attempts: 4,
            credentials: None,
        }
    }
}

impl StoreConfig {
    /// The embedded store in `data`, with the defaults.
    pub fn embedded(data: impl Into<PathBuf>) -> Self {
        Self {
            backend: StoreBackend::Embedded { data: data.into() },
            queue: DEFAULT_QUEUE,
        }
    }

    /// DynamoDB, with the defaults.
    pub fn dynamodb(config: DynamodbConfig) -> Self {
        Self {
            backend: StoreBackend::Dynamodb(config),
            queue: DEFAULT_QUEUE,
        }
    }

    /// Warns when nodes that share publications do not share what plugins store. Call it when
    /// this node has neighbours: when the bus is Redis.
    pub fn warn_of_separate_stores(&self) {
        if matches!(self.backend, StoreBackend::Embedded { .. }) {
            tracing::warn!(
                "publications go to other nodes by Redis, but this node keeps a store of its own: \
                 what plugins store here is not there on the others (TIDEGATE_STORE=dynamodb has \
                 one for all)"
            );
        }
    }
}

/// Many times what waits for one commit of a busy node.
pub const DEFAULT_QUEUE: usize = 4_096;
