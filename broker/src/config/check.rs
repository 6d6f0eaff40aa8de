//! What texts must look like. Each answer is phrased to follow the text: `"x" is no address`.

use std::net::{IpAddr, SocketAddr};

use crate::identity::NodeId;
use crate::listener::config::Network;

type Checked = Result<(), String>;

pub fn anything(_: &str) -> Checked {
    Ok(())
}

pub fn handler(text: &str) -> Checked {
    or(
        !text.contains('.'),
        "has a dot: methods are named after their plugin, up to the first dot",
    )
}

pub fn not_empty(text: &str) -> Checked {
    or(!text.is_empty(), "is empty")
}

pub fn ip_address(text: &str) -> Checked {
    or(text.parse::<IpAddr>().is_ok(), "is no IP address")
}

pub fn socket_address(text: &str) -> Checked {
    or(
        text.parse::<SocketAddr>().is_ok(),
        "is no address with a port, such as 127.0.0.1:9091",
    )
}

pub fn network(text: &str) -> Checked {
    or(
        text.parse::<Network>().is_ok(),
        "is no address or network, such as 10.0.0.0/8",
    )
}

pub fn path_prefix(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    or(
        text.len() > 2 && text.starts_with('/') && text.ends_with('/') && text.bytes().all(plain),
        "is no path that starts and ends with /, such as /socket.io/",
    )
}

pub fn namespace(text: &str) -> Checked {
    let plain = |c: char| !c.is_control() && c != ',' && c != '?';
    or(
        text.starts_with('/')
            && text.len() <= crate::protocol::socketio::MAX_NAMESPACE_BYTES
            && text.chars().all(plain),
        "is no namespace, such as / or /chat",
    )
}

pub fn transport(text: &str) -> Checked {
    or(
        matches!(text, "polling" | "websocket"),
        "is neither polling nor websocket",
    )
}

pub fn own_topic(text: &str) -> Checked {
    let topic = text.replace("{sub}", "1");
    crate::topic::Topic::parse(&topic)
        .map(drop)
        .map_err(|error| format!("is no topic: {error}"))
}

pub fn header_name(text: &str) -> Checked {
    or(
        text.parse::<http::HeaderName>().is_ok(),
        "is no header name",
    )
}

pub fn node_id(text: &str) -> Checked {
    text.parse::<NodeId>()
        .map(drop)
        .map_err(|error| error.to_string())
}

pub fn domain(text: &str) -> Checked {
    let name = text.strip_prefix('.').unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    or(
        !name.is_empty() && !name.contains("..") && name.bytes().all(plain),
        "is no domain, such as example.com",
    )
}

pub fn cookie_name(text: &str) -> Checked {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    or(
        !text.is_empty() && text.bytes().all(token),
        "is no cookie name",
    )
}

pub fn http_url(text: &str) -> Checked {
    let good = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    or(good, "is no http or https URL")
}

pub fn redis_urls(text: &str) -> Checked {
    let good = |part: &str| {
        url::Url::parse(part.trim())
            .is_ok_and(|url| matches!(url.scheme(), "redis" | "rediss") && url.has_host())
    };
    or(
        text.split(',').all(good),
        "is no redis:// or rediss:// URL, nor several with commas",
    )
}

pub fn kafka_brokers(text: &str) -> Checked {
    let good = |part: &str| {
        let part = part.trim();
        let name = part.rsplit_once("://").map_or(part, |(_, name)| name);
        url::Url::parse(&format!("kafka://{name}")).is_ok_and(|url| {
            url.has_host() && matches!(url.path(), "" | "/") && url.username().is_empty()
        })
    };
    or(
        text.split(',').all(good),
        "is no host:port, nor several with commas",
    )
}

pub fn table_prefix(text: &str) -> Checked {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    or(
        text.bytes().all(plain) && text.len() <= 128,
        "is no part of a table's name: A-Z, a-z, 0-9, _, . and -",
    )
}

pub fn origin(text: &str) -> Checked {
    let plain = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() == text.to_ascii_lowercase()
    });
    or(
        text == "*" || plain,
        "is no origin, such as https://app.example.com, nor *",
    )
}

pub fn log_filter(text: &str) -> Checked {
    tracing_subscriber::EnvFilter::try_new(text)
        .map(drop)
        .map_err(|error| format!("is no log filter: {error}"))
}

pub fn sentry_dsn(text: &str) -> Checked {
    or(
        text.parse::<sentry::types::Dsn>().is_ok(),
        "is no Sentry DSN, such as https://key@sentry.example.com/42",
    )
}

fn or(good: bool, what: &str) -> Checked {
    if good { Ok(()) } else { Err(what.to_owned()) }
}
