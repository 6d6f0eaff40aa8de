//! Plain HTTP requests with an answer that is easy to compare.

use std::sync::OnceLock;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::wait;

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in the answer {} {:?}", self.status, self.body),
        }
    }

    /// The first value of a header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Connection refused or cut is `None`.
pub async fn try_request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Option<Answer> {
    let mut request = client().request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = wait::soon(url, request.send()).await.ok()?;
    Some(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.ok()?,
    })
}

pub async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    answered(url, try_request(Method::GET, url, headers, "").await)
}

pub async fn post(url: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    answered(url, try_request(Method::POST, url, headers, body).await)
}

fn answered(url: &str, answer: Option<Answer>) -> Answer {
    answer.unwrap_or_else(|| panic!("no answer from {url}"))
}

/// Without a pool: a pooled connection belongs to the runtime of the test that opened it.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("an HTTP client can be made")
    })
}
