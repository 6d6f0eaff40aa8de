//! The import `http`, as it works on the I/O engine.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::Instant;
use url::Url;

use crate::plugin::bindings::imports::tidegate::types::errors::Error;
use crate::plugin::bindings::io::imports::tidegate::http::http as wit;
use crate::plugin::imports::HostState;

use super::reach::{Granted, refused, retryable, shorten};

/// Body and headers of a response; it is copied into the plugin's memory.
const RESPONSE_BYTES: usize = 1 << 20;
const REQUEST_HEADERS: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections kept per host while nothing is asked of it, and for how long.
const IDLE_CONNECTIONS: usize = 32;
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Headers that say how a message is carried, and to whom: the client's business. With them a
/// plugin could speak to another host than the granted one, or smuggle a second request.
const CARRIERS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
];

/// The client; a clone shares its connections.
#[derive(Clone)]
pub(in crate::plugin) struct Fetcher(reqwest::Client);

impl Fetcher {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Where a redirect leads was not granted.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIME)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }
}

impl wit::Host for HostState {
    async fn fetch(
        &mut self,
        method: String,
        url: String,
        headers: Vec<wit::Header>,
        body: Vec<u8>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<wit::Response, Error>> {
        let reach = self.reach_of("http")?;
        let left = reach.latest().saturating_duration_since(Instant::now());
        let timeout = Duration::from_millis(timeout_ms.into()).min(left);
        let fetched = async {
            let request = reach.granted.request(&method, &url, &headers, body)?;
            // A safe method asks for no effect (RFC 9110, 9.2.1).
            if !request.method().is_safe() {
                reach.act()?;
            }
            let exchange = reach.granted.fetcher.exchange(request);
            let answer = tokio::time::timeout(timeout, exchange).await;
            answer.unwrap_or_else(|_| {
                let late = format!("no answer within {} ms", timeout.as_millis());
                Err(retryable("timeout", late))
            })
        };
        Ok(fetched.await)
    }
}

impl Granted {
    fn request(
        &self,
        method: &str,
        url: &str,
        headers: &[wit::Header],
        body: Vec<u8>,
    ) -> Result<reqwest::Request, Error> {
        let url = self.granted(url)?;
        let method = Method::from_bytes(method.as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| refused("bad-method", format!("{method:?} is no method to send")))?;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = header_map(headers)?;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    fn granted(&self, text: &str) -> Result<Url, Error> {
        let bad = |cause: &str| refused("bad-url", format!("{:?}: {cause}", shorten(text)));
        let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a user or password belongs into a header"));
        }
        if !self.hosts.iter().any(|host| host.covers(&url)) {
            let host = url.host_str().unwrap_or_default();
            let port = url.port_or_known_default().unwrap_or_default();
            return Err(refused(
                "not-granted",
                format!("{host}:{port} is not among the hosts that the grant `http` names"),
            ));
        }
        Ok(url)
    }
}

fn header_map(headers: &[wit::Header]) -> Result<HeaderMap, Error> {
    let bad = |name: &str, cause: &str| {
        refused("bad-header", format!("header {:?}: {cause}", shorten(name)))
    };
    if headers.len() > REQUEST_HEADERS {
        let many = format!("{} headers, at most {REQUEST_HEADERS}", headers.len());
        return Err(refused("bad-header", many));
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())
            .map_err(|_| bad(&header.name, "is no header name"))?;
        if CARRIERS.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
            return Err(bad(&header.name, "is not the plugin's to set"));
        }
        let value = HeaderValue::from_str(&header.value)
            .map_err(|_| bad(&header.name, "its value has a control character"))?;
        map.append(name, value);
    }
    Ok(map)
}

impl Fetcher {
    async fn exchange(&self, request: reqwest::Request) -> Result<wit::Response, Error> {
        let unreachable = |error: reqwest::Error| {
            // The URL may carry a credential, and the plugin knows it.
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            retryable("unreachable", format!("{error}{cause}"))
        };
        let mut response = self.0.execute(request).await.map_err(unreachable)?;
        let headers: Vec<wit::Header> = response
            .headers()
            .iter()
            .map(|(name, value)| wit::Header {
                name: name.to_string(),
                value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            })
            .collect();
        let mut bytes: usize = headers
            .iter()
            .map(|header| header.name.len() + header.value.len())
            .sum();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes += chunk.len();
            if bytes > RESPONSE_BYTES {
                return Err(refused(
                    "too-large",
                    format!("the response is larger than {RESPONSE_BYTES} bytes"),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(wit::Response {
            status: response.status().as_u16(),
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plugin::reach::HttpHost;

    fn granted(host: &str) -> (tokio::runtime::Runtime, Granted) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime");
        let granted = Granted {
            fetcher: Fetcher::new().expect("a client"),
            hosts: vec![HttpHost::parse(host).expect("a host")],
            topics: Vec::new(),
            tables: Vec::new(),
            outside: Arc::default(),
            runtime: runtime.handle().clone(),
        };
        (runtime, granted)
    }

    fn code(url: &str, headers: &[(&str, &str)]) -> Option<String> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| wit::Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect();
        let (_runtime, granted) = granted("users:8080");
        let request = granted.request("GET", url, &headers, Vec::new());
        request.err().map(|error| error.code)
    }

    #[test]
    fn only_granted_hosts_are_asked() {
        let code = |url| code(url, &[]);
        assert_eq!(code("http://users:8080/1?x=y#z"), None);
        assert_eq!(code("http://USERS:8080"), None);
        for other in [
            "http://users/",
            "http://users:8081/",
            "http://127.0.0.1:8080/",
            "http://users.evil:8080/",
            "http://evil#users:8080/",
            "http://evil\\users:8080/",
        ] {
            assert_eq!(code(other).as_deref(), Some("not-granted"), "{other}");
        }
        for bad in [
            "users:8080",
            "/1",
            "file:///etc/passwd",
            "ftp://users:8080/",
            "http://users:8080@evil/",
            "http://u@users:8080/",
            "http://:p@users:8080/",
        ] {
            assert_eq!(code(bad).as_deref(), Some("bad-url"), "{bad}");
        }
    }

    #[test]
    fn headers_that_carry_the_message_are_not_the_plugins() {
        let code = |name, value| code("http://users:8080/", &[(name, value)]);
        assert_eq!(code("Authorization", "Bearer x"), None);
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "proxy-x",
            "a b",
        ] {
            assert_eq!(code(name, "x").as_deref(), Some("bad-header"), "{name}");
        }
        assert_eq!(code("x", "a\r\nHost: evil").as_deref(), Some("bad-header"));
    }

    #[test]
    fn connect_is_no_method_to_send() {
        let (_runtime, granted) = granted("users:8080");
        for bad in ["CONNECT", "", "GET /"] {
            let request = granted.request(bad, "http://users:8080/", &[], Vec::new());
            assert_eq!(request.expect_err(bad).code, "bad-method");
        }
    }
}
