//! One record from elsewhere than Kafka, through the same mapping.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::config::IngestRule;
use super::mapping::Failure;
use crate::bus::PublishError;

/// Records that wait for the source's thread; above it callers are told to come again.
pub(super) const WAITING: usize = 1_024;

/// A handle for giving records in; clones are one.
#[derive(Clone, Default)]
pub struct Ingest(Option<Arc<Inner>>);

struct Inner {
    rules: Arc<[IngestRule]>,
    requests: mpsc::Sender<Request>,
}

/// A record as it is given in.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Option<Vec<u8>>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// So many publications, all heard back from the bus.
    Published(usize),
    /// With the mapper's reason.
    Skipped(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("no [[ingest]] entry names the topic {0:?}")]
    UnknownTopic(String),
    /// The mapper's own failure, or what it published may not be published.
    #[error("{message}")]
    Failed {
        code: String,
        message: String,
        retryable: bool,
    },
    #[error(transparent)]
    Bus(#[from] PublishError),
    #[error("too many records wait")]
    Overloaded,
    #[error("this node is shutting down")]
    Ended,
}

pub(super) struct Request {
    /// Which rule.
    pub rule: usize,
    pub record: Given,
    pub done: oneshot::Sender<Result<Ingested, IngestError>>,
}

impl From<Failure> for IngestError {
    fn from(failure: Failure) -> Self {
        Self::Failed {
            code: failure.code,
            message: failure.message,
            retryable: failure.retryable,
        }
    }
}

impl Ingest {
    pub(super) fn new(rules: Arc<[IngestRule]>, requests: mpsc::Sender<Request>) -> Self {
        Self(Some(Arc::new(Inner { rules, requests })))
    }

    /// Maps one record of `topic` and publishes what comes of it. The mapper is asked once: whoever
    /// gave the record in decides whether to come again.
    ///
    /// Dropping the future does not take the record back.
    ///
    /// # Errors
    /// Nobody maps the topic, the mapper failed, or the bus did not send the publications back.
    pub async fn ingest(&self, topic: &str, record: Given) -> Result<Ingested, IngestError> {
        let unknown = || IngestError::UnknownTopic(topic.to_owned());
        let inner = self.0.as_ref().ok_or_else(unknown)?;
        let rule = inner.rules.iter().position(|rule| rule.topic == topic);
        let rule = rule.ok_or_else(unknown)?;
        let (done, answer) = oneshot::channel();
        let request = Request { rule, record, done };
        inner
            .requests
            .try_send(request)
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => IngestError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => IngestError::Ended,
            })?;
        answer.await.unwrap_or(Err(IngestError::Ended))
    }
}
