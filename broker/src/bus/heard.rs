//! Publishing so that the caller knows it was heard: what a source commits only after.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::awaited::Wait;
use super::{Bus, Control, PublishError, Publisher};
use crate::publication::Draft;
use crate::topic::Topic;

/// How long a publication may take to come back; Redis is down, overloaded or lost it when it
/// takes longer.
pub const HEARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Where topics have channels of their own, a listener may leave while its topic's publication is
/// on the way: so often the bus is asked whether it still comes.
const ASK_AGAIN: Duration = Duration::from_millis(100);

impl Bus {
    /// Publishes in this order and resolves when this node heard all of them back: they are in the
    /// inboxes of the workers that listen, or wait there for company (`coalesce`). Where topics have Redis channels of their own, one that
    /// nobody here listens to counts when Redis acknowledged it. A duplicate counts as heard.
    ///
    /// Drafts without an id get one. After an error some may have been heard: published again with
    /// the same ids they are heard once. Dropping the future does not take publications back.
    ///
    /// # Errors
    /// The bus did not take all of them, or did not send all back within [`HEARD_TIMEOUT`].
    pub async fn publish_heard(&self, drafts: &mut [Draft]) -> Result<(), PublishError> {
        let inner = &self.0;
        let wait = inner.awaited.wait_for(drafts);
        let deadline = Instant::now() + HEARD_TIMEOUT;
        let published = match &inner.publisher {
            Publisher::Local(staged) => {
                let mut drafts = drafts.iter();
                let staged = drafts.try_for_each(|draft| self.put(staged, draft.clone()));
                self.hand_over();
                staged
            }
            Publisher::Redis(publisher) => {
                let answers = drafts.iter().map(|draft| publisher.begin(draft.clone()));
                let answers: Result<Vec<_>, _> = answers.collect();
                acknowledged(answers?, deadline).await
            }
        };
        self.count(drafts.len(), published);
        published?;
        match &inner.publisher {
            Publisher::Local(_) => timeout_at(deadline, wait.all())
                .await
                .map_err(|_| PublishError::Unavailable),
            Publisher::Redis(_) => self.came_back(drafts, &wait, deadline).await,
        }
    }

    async fn came_back(
        &self,
        drafts: &[Draft],
        wait: &Wait,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        while Instant::now() < deadline {
            let missing = wait.missing();
            let topics = missing.iter().filter_map(|at| drafts.get(*at));
            let topics = topics.map(|draft| draft.topic.clone()).collect();
            for at in self.unheard(topics).await? {
                if let Some(at) = missing.get(at) {
                    wait.excuse(*at);
                }
            }
            let ask_again = deadline.min(Instant::now() + ASK_AGAIN);
            if timeout_at(ask_again, wait.all()).await.is_ok() {
                return Ok(());
            }
        }
        Err(PublishError::Unavailable)
    }

    /// Which of `topics` never come back to this node.
    async fn unheard(&self, topics: Vec<Topic>) -> Result<Vec<usize>, PublishError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let (done, answer) = oneshot::channel();
        let asked = self.0.control.send(Control::Unheard { topics, done });
        asked.map_err(|_| PublishError::Unavailable)?;
        answer.await.map_err(|_| PublishError::Unavailable)
    }
}

async fn acknowledged(
    answers: Vec<oneshot::Receiver<Result<(), PublishError>>>,
    deadline: Instant,
) -> Result<(), PublishError> {
    for answer in answers {
        match timeout_at(deadline, answer).await {
            Ok(Ok(acknowledged)) => acknowledged?,
            Ok(Err(_)) | Err(_) => return Err(PublishError::Unavailable),
        }
    }
    Ok(())
}
