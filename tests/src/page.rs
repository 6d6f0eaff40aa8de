//! What a page that the broker itself serves does over HTTP: calls, and the swap of its cookie for a
//! token.

use serde_json::Value;

use crate::broker::Broker;
use crate::http::{self, Answer};

/// `POST /call/{method}`.
pub async fn post(
    broker: &Broker,
    method: &str,
    headers: &[(&str, &str)],
    params: &Value,
) -> Answer {
    let url = broker.url(&format!("/call/{method}"));
    http::post(&url, headers, params.to_string()).await
}

/// The origin of a page that the broker itself serves.
pub fn own_origin(broker: &Broker) -> String {
    format!("http://{}", broker.address)
}

/// A call of such a page; an empty cookie is none.
pub async fn from_page(broker: &Broker, method: &str, cookie: &str, params: &Value) -> Answer {
    let origin = own_origin(broker);
    let mut headers = vec![("origin", origin.as_str())];
    if !cookie.is_empty() {
        headers.push(("cookie", cookie));
    }
    post(broker, method, &headers, params).await
}

/// What a browser keeps of an answer that must set a cookie: its name and value.
pub fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie");
    let pair = set.split(';').next().unwrap_or_default();
    assert!(
        !pair.is_empty(),
        "no cookie with {} {}",
        answer.status,
        answer.body
    );
    pair.to_owned()
}

/// `GET /auth/ws`.
pub async fn swap(broker: &Broker, cookie: &str) -> Answer {
    http::get(&broker.url("/auth/ws"), &[("cookie", cookie)]).await
}

/// The token that the cookie must be good for.
pub async fn token_of(broker: &Broker, cookie: &str) -> String {
    let answer = swap(broker, cookie).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["token"].as_str().expect("a token").to_owned()
}
