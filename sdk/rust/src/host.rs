//! The host's functions: the component's imports, or natively the double.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::imports::tidegate::{
    clock::clock, http::http, log::log, publisher::publisher, random::random, sessions::sessions,
    settings::settings, store::store,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::double::{
    clock, http, log, publisher, random, sessions, settings, store,
};
