//! Publications between nodes. Knows nothing of clients: it delivers to workers' inboxes.
//!
//! One task owns `topic → workers that have a listener` and delivers each received publication to
//! the inboxes of those workers. With Redis a node's own publications are delivered only when they
//! come back from it, so that all nodes hear one order.

pub mod config;
mod counters;
mod fanout;
mod ids;
pub mod inbox;
mod interest;
mod local;
mod probe;
mod queue;
mod redis;
mod staged;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use config::{BusConfig, BusMode, RedisConfig};
pub use counters::describe_metrics;
pub use inbox::{Inbox, InboxSender, Missed, inbox};

use crate::identity::NodeId;
use crate::publication::Draft;
use crate::shutdown::Lifecycle;
use crate::topic::Topic;
use counters::Counters;
use fanout::Fanout;
use queue::Refused;
use staged::Staged;

/// How long a subscription may take; Redis is down or overloaded when it takes longer.
pub const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle of this node's bus; clones are one bus. The bus ends with its last handle or when the
/// lifecycle ends.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    /// Unbounded, and yet it never holds more than two commands a subscription: a worker
    /// subscribes again only after it was answered, and unsubscribes what it subscribed.
    control: mpsc::UnboundedSender<Control>,
    publisher: Publisher,
    counters: Counters,
}

enum Publisher {
    Local(Staged),
    Redis(redis::Publisher),
}

/// What workers tell the bus task.
enum Control {
    Subscribe {
        worker: usize,
        topic: Topic,
        done: oneshot::Sender<()>,
    },
    Unsubscribe {
        worker: usize,
        topic: Topic,
    },
}

/// Why the bus cannot start: its settings are wrong. A Redis that is down is no reason.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("redis url: {0}")]
    Url(String),
    #[error("redis ca file {path}: {error}")]
    CaFile { path: String, error: String },
}

/// Why a publication was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Redis is not connected, refused the publication or did not acknowledge it in time; in the
    /// last case it may still be heard.
    #[error("the bus is unavailable")]
    Unavailable,
    /// More publications wait than the queue takes.
    #[error("the bus is overloaded")]
    Overloaded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Not subscribed within [`SUBSCRIBE_TIMEOUT`].
    #[error("the bus is unavailable")]
    Unavailable,
}

impl Bus {
    /// Starts the bus task on the current tokio runtime. `inboxes[w]` is worker `w`'s.
    ///
    /// Returns at once even when Redis is down: the node is not ready until the probe is heard.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: BusConfig,
        node_id: &NodeId,
        inboxes: Vec<InboxSender>,
        lifecycle: Lifecycle,
    ) -> Result<Bus, BusError> {
        let counters = Counters::new();
        let fanout = Fanout::new(inboxes, counters.clone());
        let (control, commands) = mpsc::unbounded_channel();
        let publisher = match config {
            BusConfig::Local => {
                let staged = Staged::default();
                counters.live.set(1.0);
                tokio::spawn(local::run(fanout, commands, staged.clone(), lifecycle));
                Publisher::Local(staged)
            }
            BusConfig::Redis(config) => Publisher::Redis(redis::start(
                config, node_id, fanout, commands, lifecycle, &counters,
            )?),
        };
        Ok(Bus(Arc::new(Inner {
            control,
            publisher,
            counters,
        })))
    }

    /// Publishes. Local: resolves when queued. Redis: when Redis acknowledged it.
    ///
    /// Publications are in the order in which these futures were first polled, so a caller may
    /// have many in flight. Dropping the future does not take the publication back.
    pub async fn publish(&self, draft: Draft) -> Result<(), PublishError> {
        let published = self.stage(draft).await;
        self.hand_over();
        published
    }

    /// Like [`Self::publish`], but on a local bus the publication waits for [`Self::hand_over`],
    /// so that those of one turn go out as one batch.
    pub async fn stage(&self, draft: Draft) -> Result<(), PublishError> {
        let published = match &self.0.publisher {
            Publisher::Local(staged) => {
                let bytes = draft_bytes(&draft);
                staged.stage(draft, bytes).map_err(PublishError::from)
            }
            Publisher::Redis(publisher) => publisher.publish(draft).await,
        };
        let counters = &self.0.counters;
        match published {
            Ok(()) => counters.published.increment(1),
            Err(PublishError::Overloaded) => counters.refused_overloaded.increment(1),
            Err(PublishError::Unavailable) => counters.refused_unavailable.increment(1),
        }
        published
    }

    /// Lets staged publications go.
    pub fn hand_over(&self) {
        if let Publisher::Local(staged) = &self.0.publisher {
            staged.hand_over();
        }
    }

    /// Announces that `worker` has listeners of `topic`; resolves when it hears the topic, that is
    /// when Redis has acknowledged the subscription. Idempotent per worker.
    ///
    /// Cancel-safe. After an error or a dropped future the interest may still be known: a worker
    /// without listeners of the topic must call [`Bus::unsubscribe`].
    pub async fn subscribe(&self, worker: usize, topic: Topic) -> Result<(), SubscribeError> {
        let (done, answer) = oneshot::channel();
        let command = Control::Subscribe {
            worker,
            topic,
            done,
        };
        self.0
            .control
            .send(command)
            .map_err(|_| SubscribeError::Unavailable)?;
        match tokio::time::timeout(SUBSCRIBE_TIMEOUT, answer).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(SubscribeError::Unavailable),
        }
    }

    /// `worker` has no listener of `topic` left. Returns at once; commands of one worker are
    /// carried out in order.
    pub fn unsubscribe(&self, worker: usize, topic: Topic) {
        // The bus has ended: there is nothing to unsubscribe from.
        let _ = self.0.control.send(Control::Unsubscribe { worker, topic });
    }
}

impl From<Refused> for PublishError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Overloaded,
            Refused::Closed => Self::Unavailable,
        }
    }
}

/// What a waiting draft weighs, near enough.
fn draft_bytes(draft: &Draft) -> usize {
    draft.payload.len() + 128
}
