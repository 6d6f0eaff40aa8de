//! For plugins' own tests, natively: a host double for the host calls, and the start of a plugin
//! as the broker does it.
//!
//! ```
//! use tidegate_plugin::{Error, Plugin, testing::Host};
//!
//! struct Greeter;
//!
//! impl Plugin for Greeter {
//!     type Settings = tidegate_plugin::AnySettings;
//!
//!     fn new(settings: Self::Settings) -> Result<Self, Error> {
//!         tidegate_plugin::info!("{} settings", settings.len());
//!         Ok(Self)
//!     }
//! }
//!
//! let host = Host::new();
//! let plugin: Result<Greeter, Error> = host.start(&serde_json::json!({"a": 1}));
//! assert!(plugin.is_ok());
//! assert_eq!(host.logs()[0].message, "1 settings");
//! ```

mod calls;
pub(crate) mod double;
mod fault;
mod tables;
#[cfg(test)]
mod tests;

pub use calls::Cookie;
pub use fault::{Fault, HostCall};

use std::marker::PhantomData;
use std::time::Duration;

use serde_json::Value;

use crate::http::{Request, Response};
use crate::log::Level;
use crate::{Error, Plugin};

/// What `export!` says of a plugin, for [`Host::declare`].
pub trait Exported {
    /// JSON text.
    const MANIFEST: &'static str;
}

/// The double of the calling thread. A new one forgets everything that an earlier one held, so
/// make one at the start of a test.
#[derive(Clone)]
pub struct Host {
    /// The double is the thread's, so the handle stays on it.
    _not_send: PhantomData<*const ()>,
}

/// A line that the plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

/// What the plugin published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub topic: String,
    pub event: Option<String>,
    pub payload: Value,
}

impl Host {
    /// A host whose clock stands at 2026-01-01T00:00:00Z, whose random numbers are always the
    /// same ones, which takes every publication and fetches nothing, and has no tables.
    #[expect(clippy::new_without_default, reason = "it changes the thread's double")]
    pub fn new() -> Self {
        double::reset();
        Self {
            _not_send: PhantomData,
        }
    }

    /// Gives the plugin its settings and has it test itself, as the broker does with a candidate.
    pub fn start<P: Plugin>(&self, settings: &Value) -> Result<P, Error> {
        double::change(|double| double.settings = settings.clone());
        let mut plugin = P::new(crate::settings::parse(&settings.to_string())?)?;
        plugin.self_test()?;
        Ok(plugin)
    }

    /// Moves both clocks forward.
    pub fn pass(&self, time: Duration) {
        double::change(|double| double.elapsed += time);
    }

    /// What answers the plugin's requests.
    pub fn on_fetch(&self, answer: impl FnMut(&Request) -> Result<Response, Error> + 'static) {
        double::change(|double| double.fetch = Some(Box::new(answer)));
    }

    /// Shows `watch` each call to `store`, `publisher` and `sessions` before it is done, and lets it
    /// fail. What it calls itself (it may have other instances called meanwhile) it is not shown.
    /// After a panic in it, which ends the plugin's call there, nothing is watched any more.
    pub fn watch(&self, watch: impl FnMut(&HostCall) -> Option<Fault> + 'static) {
        double::change(|double| double.watch = Some(Box::new(watch)));
    }

    pub fn watch_no_more(&self) {
        double::change(|double| double.watch = None);
    }

    /// Has the store answer with shorter pages than it was asked for.
    pub fn shorten_pages(&self, items: u32) {
        double::change(|double| double.tables.page_items_max = Some(items));
    }

    /// What a declared table holds, in the order of its keys.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let items = double::change(|double| {
            let now = double.now().as_secs_f64();
            double.tables.items(table, now)
        });
        items.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn logs(&self) -> Vec<LogLine> {
        double::change(|double| double.logs.clone())
    }

    pub fn published(&self) -> Vec<Published> {
        double::change(|double| double.published.clone())
    }
}
