//! The `--url` of a running broker, whichever scheme and path it was copied with.

use url::Url;

/// `base` as an `http` URL of `path`.
pub(super) fn http(base: &Url, path: &str) -> Url {
    with(base, path, &[("ws", "http"), ("wss", "https")])
}

/// `base` as a WebSocket URL of `path`.
pub(super) fn websocket(base: &Url, path: &str) -> Url {
    with(base, path, &[("http", "ws"), ("https", "wss")])
}

/// Reads `http://`, `https://`, `ws://` and `wss://`.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" | "ws" | "wss" if url.has_host() => Ok(url),
        _ => Err("is no http, https, ws or wss URL".to_owned()),
    }
}

/// What may be shown: no user, no password, no query.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn with(base: &Url, path: &str, schemes: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Some((_, scheme)) = schemes.iter().find(|(from, _)| *from == base.scheme()) {
        // Among http, https, ws and wss any change is allowed.
        let _ = url.set_scheme(scheme);
    }
    if matches!(url.path(), "" | "/" | "/ws" | "/publish") {
        url.set_path(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_url_of_the_broker_will_do() {
        for (base, post, socket) in [
            (
                "http://localhost:4444",
                "http://localhost:4444/publish",
                "ws://localhost:4444/ws",
            ),
            (
                "ws://localhost:4444/ws",
                "http://localhost:4444/publish",
                "ws://localhost:4444/ws",
            ),
            (
                "https://edge.example/",
                "https://edge.example/publish",
                "wss://edge.example/ws",
            ),
            (
                "wss://edge.example/rt",
                "https://edge.example/rt",
                "wss://edge.example/rt",
            ),
        ] {
            let base = parse(base).expect("a URL");
            assert_eq!(http(&base, "/publish").as_str(), post);
            assert_eq!(websocket(&base, "/ws").as_str(), socket);
        }
        assert!(parse("ftp://x").is_err() && parse("localhost:4444").is_err());
        let secret = parse("https://u:p@edge.example/ws?token=t").expect("a URL");
        assert_eq!(shown(&secret), "https://edge.example/ws");
    }
}
