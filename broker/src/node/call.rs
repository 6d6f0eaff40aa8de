use serde_json::value::RawValue;

use super::{Node, Refusal};
use crate::auth::Principal;
use crate::plugin::{Call, Called, Caller, Transport};

impl Node {
    /// Calls a plugin's method in a connected client's name. Dropped, the call ends where it is if
    /// it has done nothing yet that shows outside; else it runs on to its end.
    ///
    /// # Errors
    ///
    /// The plugin's own error, or why it did not answer.
    pub async fn call(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
        principal: &Principal,
        transport: Transport,
    ) -> Result<Box<RawValue>, Refusal> {
        let call = Call {
            method: method.into(),
            params,
            caller: Caller {
                subject: principal.subject.clone(),
                scopes: principal.scopes.clone(),
                transport,
                session_id: None,
                takes_cookies: false,
            },
        };
        Ok(self.io_plugins.call(call).await.outcome?)
    }

    /// Calls a plugin's method over HTTP, where the answer may change the caller's cookie. Dropped,
    /// it ends or runs on like [`Node::call`], and a session that it creates is removed.
    pub async fn call_over_http(&self, call: Call) -> Called {
        self.io_plugins.call(call).await
    }
}
