//! Calls of a handler, as the broker makes them.

use serde::Deserialize;
use serde_json::Value;

use super::double::{self, change};
use super::tables::Spec;
use super::{Exported, Host};
use crate::{Call, Error, Handler};

/// What the manifest says that matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    tables: Vec<Spec>,
    http_methods: Vec<String>,
}

/// What an answer over `POST /call` does to the caller's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// It names this session from here on.
    Session(String),
    Cleared,
}

/// The call that a plugin is answering.
#[derive(Default)]
pub(super) struct Current {
    pub(super) transport: String,
    pub(super) session_id: Option<String>,
    pub(super) created: Option<String>,
    pub(super) own_destroyed: bool,
}

impl Host {
    /// Declares the plugin's tables and its methods that need `POST /call`, as its `export!` says
    /// and as the broker does when it loads it. Items of tables that are there already stay.
    pub fn declare<P: Exported>(&self) {
        let manifest: Manifest = serde_json::from_str(P::MANIFEST)
            .unwrap_or_else(|cause| panic!("the manifest {}: {cause}", P::MANIFEST));
        change(|double| {
            double.http_methods = manifest.http_methods;
            for spec in manifest.tables {
                double.tables.declare(spec);
            }
        });
    }

    /// Calls the plugin as the broker does: a method that needs `POST /call` fails elsewhere with
    /// `needs-http`; if the call fails or panics, the session that it created is gone.
    pub fn call<P: Handler>(&self, plugin: &mut P, call: &Call<'_>) -> Result<Value, Error> {
        let caller = &call.caller;
        let needs_http =
            change(|double| double.http_methods.iter().any(|held| held == call.method));
        if needs_http && caller.transport != "http" {
            return Err(double::sessions::needs_http());
        }
        let running = Running::start(Current {
            transport: caller.transport.to_owned(),
            session_id: caller.session_id.map(ToOwned::to_owned),
            ..Current::default()
        });
        let reply = plugin.handle(call)?;
        running.succeed();
        Ok(serde_json::from_str(reply.as_str()).expect("a reply is JSON"))
    }

    /// What the latest call that succeeded did to the caller's cookie.
    pub fn cookie(&self) -> Option<Cookie> {
        change(|double| double.cookie.clone())
    }

    /// A session's document, if there is such a session.
    pub fn session(&self, id: &str) -> Option<Value> {
        change(|double| double.sessions.get(id).cloned())
    }
}

/// A call on its way; dropped before it succeeded, it failed.
struct Running {
    /// A call may run within another: a test may call while it watches host calls.
    outer: Option<Current>,
}

impl Running {
    fn start(call: Current) -> Self {
        let outer = change(|double| double.call.replace(call));
        Self { outer }
    }

    fn succeed(self) {
        change(|double| {
            let ended = double.call.take().unwrap_or_default();
            double.cookie = match ended.created {
                Some(id) => Some(Cookie::Session(id)),
                None => ended.own_destroyed.then_some(Cookie::Cleared),
            };
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let outer = self.outer.take();
        change(|double| {
            let failed = std::mem::replace(&mut double.call, outer);
            if let Some(id) = failed.and_then(|call| call.created) {
                double.sessions.remove(&id);
            }
        });
    }
}
