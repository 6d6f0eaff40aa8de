//! The import `publisher`, as it works on the I/O engine.

use serde_json::value::RawValue;

use super::reach::{Reach, refused, shorten};
use crate::plugin::bindings::imports::tidegate::types::errors::Error;
use crate::plugin::bindings::io::imports::tidegate::publisher::publisher as wit;
use crate::plugin::clock;
use crate::plugin::imports::HostState;
use crate::publication::Draft;
use crate::topic::Topic;

/// Longer names of events are refused: each listener gets it with each publication.
const EVENT_BYTES: usize = 256;

impl wit::Host for HostState {
    async fn publish(
        &mut self,
        topic: String,
        event: Option<String>,
        payload: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let reach = self.reach_of("publisher")?;
        let published = async {
            let draft = draft(reach, &topic, event, payload)?;
            reach.act()?;
            reach.wait((reach.granted.outside.publish)(draft)).await
        };
        Ok(published.await)
    }
}

fn draft(
    reach: &Reach,
    topic: &str,
    event: Option<String>,
    payload: String,
) -> Result<Draft, Error> {
    let parsed = Topic::parse(topic).map_err(|error| {
        let topic = shorten(topic);
        refused("bad-topic", format!("{topic:?}: {error}"))
    })?;
    let granted = &reach.granted.topics;
    if !granted.iter().any(|pattern| pattern.matches(topic, "")) {
        let message = format!("{topic} is not among the topics that the grant `publisher` names");
        return Err(refused("not-granted", message));
    }
    if event
        .as_ref()
        .is_some_and(|event| event.len() > EVENT_BYTES)
    {
        let message = format!("the event's name is longer than {EVENT_BYTES} bytes");
        return Err(refused("bad-event", message));
    }
    let payload: Box<RawValue> = RawValue::from_string(payload)
        .map_err(|error| refused("bad-payload", format!("the payload is no JSON: {error}")))?;
    Ok(Draft {
        topic: parsed,
        event: event.map(Into::into),
        id: "".into(),
        ts: u64::try_from(clock::since_1970().as_millis()).ok(),
        origin: None,
        payload: payload.into(),
    })
}
