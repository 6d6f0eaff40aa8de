//! The broker's session documents. Wants the grant `sessions` in the manifest and in the broker's
//! settings. Works in calls that came over `POST /call`, for the browser's cookie goes with the
//! answer; in others the error is `needs-http` (name such methods in the manifest's
//! `http_methods`, and the broker answers so before the plugin runs), in hooks that cannot wait
//! `unavailable-in-this-hook`.

use serde::Serialize;

use crate::{Error, host::sessions};

/// Stores a document (an object) and gives its cookie to the caller with the answer; returns the
/// session's id. If the call then fails, the session is removed again. A later one in the same call
/// takes the place of an earlier one.
pub fn create(document: &impl Serialize) -> Result<String, Error> {
    let document = serde_json::to_string(document).map_err(|cause| {
        Error::new(
            "bad-document",
            format!("the session document has no JSON form: {cause}"),
        )
    })?;
    let id = sessions::create(&document)?;
    Ok(id)
}

/// Removes a session, and revokes the tokens made from it, on all nodes. If it is the caller's own,
/// the caller's cookie is cleared. One that is not there is no error.
pub fn destroy(id: &str) -> Result<(), Error> {
    sessions::destroy(id)?;
    Ok(())
}
