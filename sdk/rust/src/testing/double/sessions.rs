use serde_json::Value;

use super::change;
use crate::Error;
use crate::testing::fault::watched;

pub(crate) fn create(document: &str) -> Result<String, Error> {
    watched("sessions.create", "", || {
        let document: Value = serde_json::from_str(document)
            .map_err(|cause| Error::new("bad-document", cause.to_string()))?;
        if !document.is_object() {
            return Err(Error::new("bad-document", "it is no object"));
        }
        change(|double| {
            let call = double.call.as_mut().filter(|call| call.transport == "http");
            let call = call.ok_or_else(needs_http)?;
            double.sessions_made += 1;
            let id = format!("session-{}", double.sessions_made);
            double.sessions.insert(id.clone(), document);
            if let Some(earlier) = call.created.replace(id.clone()) {
                double.sessions.remove(&earlier);
            }
            Ok(id)
        })
    })
}

pub(crate) fn destroy(id: &str) -> Result<(), Error> {
    watched("sessions.destroy", id, || {
        change(|double| {
            let call = double.call.as_mut().filter(|call| call.transport == "http");
            let call = call.ok_or_else(needs_http)?;
            call.own_destroyed |= call.session_id.as_deref() == Some(id);
            call.created.take_if(|created| created == id);
            double.sessions.remove(id);
            Ok(())
        })
    })
}

pub(in crate::testing) fn needs_http() -> Error {
    Error::new("needs-http", "this works over POST /call alone")
}
