//! Publications between nodes. Knows nothing of clients: it delivers to workers' inboxes.
//!
//! One task owns `topic → workers that have a listener` and delivers each received publication to
//! the inboxes of those workers. With Redis a node's own publications are delivered only when they
//! come back from it, so that all nodes hear one order.

mod announcement;
mod awaited;
mod coalesce;
pub mod config;
mod counters;
mod fanout;
mod heard;
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

pub use announcement::Announcement;
pub use coalesce::Coalesce;
pub use config::{BusConfig, BusMode, RedisConfig};
pub use counters::describe_metrics;
pub use heard::HEARD_TIMEOUT;
pub use inbox::{Inbox, InboxSender, Missed, inbox};

use crate::identity::NodeId;
use crate::publication::Draft;
use crate::shutdown::Lifecycle;
use crate::topic::Topic;
use awaited::Awaited;
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
    /// Unbounded, and yet it never holds more than two commands a subscription and one a waiting
    /// publisher: a worker subscribes again only after it was answered, and unsubscribes what it
    /// subscribed.
    control: mpsc::UnboundedSender<Control>,
    publisher: Publisher,
    coalesce: Coalesce,
    awaited: Awaited,
    counters: Counters,
}

enum Publisher {
    Local(Staged),
    Redis(redis::Publisher),
}

/// What is done with another node's announcement, on the bus task: it must not wait. A node hears
/// its own too.
pub type OnAnnouncement = Box<dyn Fn(Announcement) + Send>;

/// What the bus task is told and asked.
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
    /// Which of these, by place, never come back to this node.
    Unheard {
        topics: Vec<Topic>,
        done: oneshot::Sender<Vec<usize>>,
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

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl Bus {
    /// Starts the bus task on the current tokio runtime. `inboxes[w]` is worker `w`'s; `coalesce`
    /// says which publications may wait on this node before they go into them.
    ///
    /// Returns at once even when Redis is down: the node is not ready until the probe is heard.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: BusConfig,
        node_id: &NodeId,
        inboxes: Vec<InboxSender>,
        coalesce: Coalesce,
        lifecycle: Lifecycle,
        on_announcement: OnAnnouncement,
    ) -> Result<Bus, BusError> {
        let counters = Counters::new();
        let awaited = Awaited::default();
        let fanout = Fanout::new(inboxes, coalesce.clone(), awaited.clone(), counters.clone());
        let (control, commands) = mpsc::unbounded_channel();
        let publisher = match config {
            BusConfig::Local => {
                let staged = Staged::default();
                counters.live.set(1.0);
                tokio::spawn(local::run(fanout, commands, staged.clone(), lifecycle));
                Publisher::Local(staged)
            }
            BusConfig::Redis(config) => Publisher::Redis(redis::start(
                config,
                node_id,
                fanout,
                commands,
                lifecycle,
                &counters,
                on_announcement,
            )?),
        };
        Ok(Bus(Arc::new(Inner {
            control,
            publisher,
            coalesce,
            awaited,
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
            Publisher::Local(staged) => self.put(staged, draft),
            Publisher::Redis(publisher) => publisher.publish(draft).await,
        };
        self.count(1, published);
        published
    }

    fn count(&self, publications: usize, outcome: Result<(), PublishError>) {
        let counters = &self.0.counters;
        let counter = match outcome {
            Ok(()) => &counters.published,
            Err(PublishError::Overloaded) => &counters.refused_overloaded,
            Err(PublishError::Unavailable) => &counters.refused_unavailable,
        };
        counter.increment(publications as u64);
    }

    fn put(&self, staged: &Staged, draft: Draft) -> Result<(), PublishError> {
        let (bytes, wait) = (draft_bytes(&draft), self.0.coalesce.wait(&draft.topic));
        Ok(staged.stage(draft, bytes, wait)?)
    }

    /// Lets staged publications go.
    pub fn hand_over(&self) {
        if let Publisher::Local(staged) = &self.0.publisher {
            staged.hand_over();
        }
    }

    /// Tells the other nodes; resolves when Redis acknowledged it, which says nothing of a node
    /// that is not connected. On a local bus there is nobody to tell.
    pub async fn announce(&self, announcement: Announcement) -> Result<(), PublishError> {
        match &self.0.publisher {
            Publisher::Local(_) => Ok(()),
            Publisher::Redis(publisher) => publisher.announce(announcement).await,
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
    draft.payload.as_bytes().len() + 128
}
