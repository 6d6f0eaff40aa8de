//! Publishing from a plugin. Wants the grant `publisher` in the manifest and in the broker's
//! settings. Works in hooks that may wait (handler, admission); the others get the error
//! `unavailable-in-this-hook`. A mapper's publications are its answer.

use serde::Serialize;

use crate::{Error, host::publisher};

/// Publishes `payload` as JSON. Returns when the bus has taken the publication.
pub fn publish(topic: &str, event: Option<&str>, payload: &impl Serialize) -> Result<(), Error> {
    let payload = serde_json::to_string(payload).map_err(|cause| {
        Error::new(
            "bad-payload",
            format!("the payload for \"{topic}\" has no JSON form: {cause}"),
        )
    })?;
    publisher::publish(topic, event, &payload)?;
    Ok(())
}
