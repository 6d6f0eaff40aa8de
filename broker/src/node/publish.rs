use serde_json::value::RawValue;

use super::{Node, Refusal, clock};
use crate::auth::Principal;
use crate::bus::PublishError;
use crate::plugin::Action;
use crate::publication::Draft;
use crate::topic::Topic;

impl Node {
    /// Publishes in a client's name: the plugin is asked. It goes out at the next `hand_over`. Not cancel-safe: dropped, the
    /// publication may or may not go out.
    pub async fn publish(
        &self,
        topic: Topic,
        event: Option<Box<str>>,
        message: Box<RawValue>,
        principal: &Principal,
    ) -> Result<(), Refusal> {
        self.ask(Action::Publish, &topic, principal)?;
        self.publish_trusted(topic, event, "".into(), message).await
    }

    /// Publishes in a service's name: nobody is asked. It goes out at the next `hand_over`. An empty `id` gets one from the bus.
    pub async fn publish_trusted(
        &self,
        topic: Topic,
        event: Option<Box<str>>,
        id: Box<str>,
        message: Box<RawValue>,
    ) -> Result<(), Refusal> {
        let limit = self.limits.publication_bytes;
        if message.get().len() > limit {
            return Err(Refusal::TooBig(limit));
        }
        let draft = Draft {
            topic,
            event,
            id,
            ts: u64::try_from(clock::unix_now().as_millis()).ok(),
            origin: None,
            payload: message.into(),
        };
        self.numbers.published.increment(1);
        self.published.set(true);
        self.bus.stage(draft).await.map_err(|error| match error {
            PublishError::Overloaded => Refusal::Failed("the bus is overloaded"),
            _ => Refusal::Failed("the bus is not available"),
        })
    }

    /// Lets what was published in this turn go out.
    pub fn hand_over(&self) {
        if self.published.replace(false) {
            self.bus.hand_over();
        }
    }
}
