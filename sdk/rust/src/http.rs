//! Outgoing requests. Wants the grant `http`, which names the allowed hosts, in the manifest and
//! in the broker's settings. Only hooks that may wait (handler, admission) can use it; the others
//! (authorizer, principals, mapper) get the error `unavailable-in-this-hook`. Redirects are not
//! followed.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{Error, host::http};

/// A request to build up and [`send`](Request::send).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Without headers and body; the whole exchange may take 5 s.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new("POST", url);
        request.body = body.into();
        request
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// For the whole exchange, in whole milliseconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// An answer of any status is a response; an error means that there was none.
    pub fn send(self) -> Result<Response, Error> {
        let headers: Vec<http::Header> = self
            .headers
            .into_iter()
            .map(|(name, value)| http::Header { name, value })
            .collect();
        let timeout_ms = u32::try_from(self.timeout.as_millis()).unwrap_or(u32::MAX);
        let answer = http::fetch(&self.method, &self.url, &headers, &self.body, timeout_ms)?;
        Ok(Response {
            status: answer.status,
            headers: answer
                .headers
                .into_iter()
                .map(|header| (header.name, header.value))
                .collect(),
            body: answer.body,
        })
    }
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|cause| Error::new("bad-response", format!("the response's body: {cause}")))
    }
}
