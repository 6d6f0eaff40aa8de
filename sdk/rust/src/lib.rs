//! Write Tidegate plugins in Rust: a trait per hook, typed host calls, and the same code under
//! plain `cargo test` on the developer's machine.
//!
//! ```
//! use serde::Deserialize;
//! use tidegate_plugin::{Authorizer, Decision, Error, Plugin, Question};
//!
//! struct Doorman {
//!     open: Vec<String>,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     open: Vec<String>,
//! }
//!
//! impl Plugin for Doorman {
//!     type Settings = Settings;
//!
//!     fn new(settings: Settings) -> Result<Self, Error> {
//!         Ok(Self { open: settings.open })
//!     }
//! }
//!
//! impl Authorizer for Doorman {
//!     fn authorize(&mut self, question: &Question<'_>) -> Decision {
//!         if self.open.iter().any(|topic| topic == question.topic) {
//!             return Decision::allow();
//!         }
//!         Decision::deny(format!("\"{}\" is closed", question.topic))
//!     }
//! }
//!
//! tidegate_plugin::export!(Doorman: Authorizer);
//! # fn main() {}
//! ```
//!
//! A plugin is a component. The broker makes instances of it, gives each its settings once
//! ([`Plugin::new`]), and then calls the hooks that it exports: one instance per worker thread
//! for [`Authorizer`] and [`Principals`], one per mapping thread for [`Mapper`], and a pool of
//! them, each replaced now and then, for [`Admission`] and [`Handler`]. An instance is thrown away
//! after a panic, and a new generation replaces all of them: what must outlive a call belongs into
//! the [`store`], not into a field.
//!
//! What a plugin can do is what its host calls ([`clock`], [`http`], [`publisher`], [`random`],
//! [`sessions`], [`settings`], [`store`] and the log macros) let it do: there are no files, no sockets and no environment
//! in a component.

mod admission;
mod authorizer;
mod error;
mod export;
mod handler;
mod host;
mod manifest;
mod mapper;
mod plugin;
mod principals;
mod scopes;

pub mod clock;
pub mod http;
pub mod log;
pub mod publisher;
pub mod random;
pub mod sessions;
pub mod settings;
pub mod store;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

// Generated: the canonical ABI is raw memory.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, clippy::all, missing_docs)]
#[doc(hidden)]
pub mod bindings;

pub use admission::{Admission, Admitted, Visitor};
pub use authorizer::{Action, Authorizer, Decision, Question};
pub use error::Error;
pub use handler::{Call, Caller, Handler, Reply};
pub use mapper::{Header, Mapper, Outcome, Publication, Record};
pub use plugin::{AnySettings, Plugin};
pub use principals::{Principal, Principals};
pub use scopes::{Scopes, is_scope};
pub use tidegate_topic::{Pattern, PatternError, TopicError, check_topic, encode_segment};

/// Its examples are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What the macros expand to; not part of the interface.
#[doc(hidden)]
pub mod private {
    pub use crate::export::Slot;
    pub use crate::manifest::bytes_of;
    #[cfg(target_arch = "wasm32")]
    pub use crate::{
        admission::answer as admission, authorizer::answer as authorizer,
        handler::answer as handler, mapper::answer as mapper, principals::answer as principals,
    };
}
