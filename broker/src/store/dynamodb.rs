//! Amazon DynamoDB, or a server that speaks as it does.
//!
//! Endpoint, region and credentials are found as the AWS SDK finds them: environment, profile,
//! the metadata of a container or an instance. The SDK tries again, with backoff, within one
//! timeout; what fails then is `throttled` or `unavailable`.
//!
//! An item's version is the attribute [`VERSION_MEMBER`](super::VERSION_MEMBER), random at each
//! put. Items without it, of other programs, have the version "", which `if unchanged` takes as
//! "still without one".

mod attribute;
mod create;
mod failure;
mod read;
mod shape;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, Credentials, Region};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, TableDescription, TableStatus};
use rustc_hash::FxHashMap;
use tokio::sync::OnceCell;

use super::item::{now, seconds};
use super::table::{Key, Table};
use super::{DynamodbConfig, StoreError, StoreStartError, TableStats};
use attribute::{Attributes, from_key};
use failure::Asked;
use shape::Shape;

pub use create::Creation;

/// A server that is there answers a connection sooner; with several tries the timeout must not be
/// used up by the first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// Where an endpoint is given and no region: servers beside DynamoDB take any.
const ANY_REGION: &str = "us-east-1";
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// Between lines of the log about failures; the metrics count each.
const SAY_EVERY_SECONDS: u64 = 10;

pub(super) struct Dynamodb {
    client: Client,
    prefix: String,
    attempts: u32,
    tables: RwLock<FxHashMap<String, Arc<Declared>>>,
    /// The second in which a failure was last logged.
    said: AtomicU64,
}

/// A plugin's table.
struct Declared {
    table: Table,
    /// In DynamoDB.
    name: String,
    /// Read at the declaration, or at the first use if that could not be.
    shape: OnceCell<Shape>,
}

impl Dynamodb {
    /// Finds region and credentials; DynamoDB is not asked.
    pub(super) async fn connect(config: &DynamodbConfig) -> Result<Self, StoreStartError> {
        let retries = RetryConfig::standard()
            .with_max_attempts(config.attempts)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
            // Half: one that hangs leaves time for another.
            .operation_attempt_timeout(config.timeout / 2)
            .operation_timeout(config.timeout)
            .build();
        let mut loader = aws_config::from_env()
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Some((id, secret)) = &config.credentials {
            let credentials = Credentials::new(id, secret, None, None, "tidegate");
            loader = loader.credentials_provider(credentials);
        }
        let shared = loader.load().await;
        let mut builder = Builder::from(&shared);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        if shared.region().is_none() {
            let has_endpoint = config.endpoint.is_some()
                || shared.endpoint_url().is_some()
                || std::env::var_os(ENDPOINT_VARIABLE).is_some();
            if !has_endpoint {
                return Err(StoreStartError::NoRegion);
            }
            builder = builder.region(Region::new(ANY_REGION));
        }
        Ok(Self {
            client: Client::from_conf(builder.build()),
            prefix: config.table_prefix.clone(),
            attempts: config.attempts,
            tables: RwLock::default(),
            said: AtomicU64::new(0),
        })
    }

    pub(super) async fn declare(&self, tables: &[Table]) -> Result<(), StoreError> {
        let mut declared = Vec::new();
        for table in tables {
            let table = Arc::new(self.declaration(table));
            match self.shape(&table).await {
                Err(error @ StoreError::Mismatch(_)) => return Err(error),
                Err(error) => tracing::warn!(
                    table = table.name,
                    %error,
                    "cannot look at a table, that is done at its first use"
                ),
                Ok(_) => {}
            }
            declared.push(table);
        }
        let names = declared
            .into_iter()
            .map(|table| (table.table.name.clone(), table));
        let mut known = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(names);
        Ok(())
    }

    /// With the indexes of the declaration before, which a plugin's generation before may still
    /// use.
    fn declaration(&self, table: &Table) -> Declared {
        let mut table = table.clone();
        if let Ok(before) = self.table(&table.name) {
            for index in &before.table.indexes {
                if table.index(&index.name).is_err() {
                    table.indexes.push(index.clone());
                }
            }
        }
        Declared {
            name: self.name_of(&table),
            table,
            shape: OnceCell::new(),
        }
    }

    pub(super) fn tables(&self) -> Vec<Table> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|table| table.table.clone()).collect()
    }

    pub(super) async fn stats(&self) -> Result<Vec<TableStats>, StoreError> {
        let count = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let mut stats = Vec::new();
        for table in self.tables() {
            let name = self.name_of(&table);
            let found = self.describe(&name).await?;
            let found = found.ok_or_else(|| missing(&name))?;
            let indexes = found.global_secondary_indexes().iter();
            let indexes = indexes.filter_map(|index| {
                let name = index.index_name()?.to_owned();
                Some((name, count(index.item_count())))
            });
            stats.push(TableStats {
                items: count(found.item_count()),
                bytes: count(found.table_size_bytes()),
                indexes: indexes.collect(),
                table: table.name,
            });
        }
        Ok(stats)
    }

    fn name_of(&self, table: &Table) -> String {
        format!("{}{}", self.prefix, table.name)
    }

    fn table(&self, name: &str) -> Result<Arc<Declared>, StoreError> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(name).cloned();
        found.ok_or_else(|| StoreError::UnknownTable(name.to_owned()))
    }

    async fn shape<'t>(&self, table: &'t Declared) -> Result<&'t Shape, StoreError> {
        let look = || async {
            let found = self.describe(&table.name).await?;
            let found = found.ok_or_else(|| missing(&table.name))?;
            let shape = Shape::of(&table.table, &found, &table.name)?;
            if found.table_status() == Some(&TableStatus::Creating) {
                let what = format!("table `{}` is still being made", table.name);
                return Err(StoreError::Unavailable(what));
            }
            Ok(shape)
        };
        table.shape.get_or_try_init(look).await
    }

    /// `None` = it is not there.
    async fn describe(&self, name: &str) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(name).send().await {
            Ok(found) => Ok(found.table),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(self.failure(&error, name, Asked::Read)),
        }
    }

    fn failure<E>(&self, error: &SdkError<E>, table: &str, asked: Asked) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let failure = failure::failure(error, table, asked);
        let (now, said) = (now(), self.said.load(Ordering::Relaxed));
        if failure.retryable() && now >= said + SAY_EVERY_SECONDS {
            self.said.store(now, Ordering::Relaxed);
            tracing::warn!(table, error = %failure, "DynamoDB does not do what it was asked");
        }
        failure
    }
}

impl Declared {
    fn key(&self, shape: &Shape, key: &Key) -> Result<Attributes, StoreError> {
        self.table.check_key(key)?;
        let mut attributes = Attributes::new();
        let members = [
            (Some(&self.table.partition), Some(&key.partition)),
            (self.table.sort.as_ref(), key.sort.as_ref()),
        ];
        for (member, text) in members {
            if let (Some(member), Some(text)) = (member, text) {
                let value = from_key(text, shape.key_type(member), member)?;
                attributes.insert(member.clone(), value);
            }
        }
        Ok(attributes)
    }

    fn has_expired(&self, attributes: &Attributes) -> bool {
        let end = self.table.expires.as_ref();
        let end = end.and_then(|member| match attributes.get(member)? {
            AttributeValue::N(number) => seconds(number),
            _ => None,
        });
        end.is_some_and(|end| end <= now())
    }
}

fn missing(name: &str) -> StoreError {
    StoreError::Mismatch(format!(
        "table `{name}` is missing in DynamoDB: run `tidegate store create-tables`"
    ))
}

/// Of a request whose fields are all set.
fn incomplete(error: BuildError) -> StoreError {
    StoreError::Unavailable(format!("a request could not be made: {error}"))
}
