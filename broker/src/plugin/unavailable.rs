//! Imports that wait, as they are on the sync engine: its hooks run on threads where nothing may
//! wait, and one async import would make every call async.

use super::bindings::imports::tidegate;
use super::bindings::imports::tidegate::store::store::{Item, Key, Page, Stopped, Write};
use super::bindings::imports::tidegate::types::errors::Error;
use super::imports::HostState;

type Refused<T> = wasmtime::Result<Result<T, Error>>;

fn unavailable<T>(import: &str) -> Refused<T> {
    Ok(Err(error(import)))
}

fn error(import: &str) -> Error {
    Error {
        code: "unavailable-in-this-hook".into(),
        message: format!("{import} can be used in hooks that may wait, not in this one"),
        retryable: false,
    }
}

impl tidegate::publisher::publisher::Host for HostState {
    fn publish(&mut self, _: String, _: Option<String>, _: String) -> Refused<()> {
        unavailable("publisher")
    }
}

impl tidegate::http::http::Host for HostState {
    fn fetch(
        &mut self,
        _method: String,
        _url: String,
        _headers: Vec<tidegate::http::http::Header>,
        _body: Vec<u8>,
        _timeout_ms: u32,
    ) -> Refused<tidegate::http::http::Response> {
        unavailable("http")
    }
}

impl tidegate::sessions::sessions::Host for HostState {
    fn create(&mut self, _document: String) -> Refused<String> {
        unavailable("sessions")
    }

    fn destroy(&mut self, _id: String) -> Refused<()> {
        unavailable("sessions")
    }
}

impl tidegate::store::store::Host for HostState {
    fn get(&mut self, _: String, _: Key, _: bool) -> Refused<Option<Item>> {
        unavailable("store")
    }

    fn batch_get(&mut self, _: String, _: Vec<Key>, _: bool) -> Refused<Vec<Option<Item>>> {
        unavailable("store")
    }

    fn put(&mut self, _: String, _: String, _: u8, _: String) -> Refused<String> {
        unavailable("store")
    }

    fn put_in_order(&mut self, _: Vec<Write>) -> wasmtime::Result<Result<Vec<String>, Stopped>> {
        Ok(Err(Stopped {
            written: Vec::new(),
            error: error("store"),
        }))
    }

    fn delete(&mut self, _: String, _: Key, _: Option<String>) -> Refused<()> {
        unavailable("store")
    }

    fn query(
        &mut self,
        _table: String,
        _partition: String,
        _first: Option<String>,
        _last: Option<String>,
        _descending: bool,
        _limit: u32,
        _cursor: Option<String>,
        _consistent: bool,
    ) -> Refused<Page> {
        unavailable("store")
    }

    fn query_index(
        &mut self,
        _table: String,
        _index: String,
        _partition: String,
        _first: Option<String>,
        _last: Option<String>,
        _descending: bool,
        _limit: u32,
        _cursor: Option<String>,
    ) -> Refused<Page> {
        unavailable("store")
    }
}
