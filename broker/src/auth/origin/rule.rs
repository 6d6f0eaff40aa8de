//! One rule of `allowed_origins`, and the parts of an origin.

/// A rule that is no origin.
#[derive(Debug, thiserror::Error)]
#[error(
    "allowed_origins: '{0}' is not an origin; write 'https://app.example.com', \
     'https://*.example.com', 'app.example.com', 'null' or '*'"
)]
pub struct BadOrigin(String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Exact(Web),
    /// `https://*.example.com`: hosts that end in `.example.com`.
    Subdomains(Web),
    /// Any other scheme (`capacitor://localhost`, `null`), compared as text.
    Text(String),
}

/// An `http` or `https` origin; in a rule the scheme may be left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Web {
    scheme: Option<&'static str>,
    host: String,
    /// `None` = the scheme's own.
    port: Option<u16>,
}

pub(super) struct WebOrigin(Web);

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Self, BadOrigin> {
        let bad = || BadOrigin(text.to_owned());
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        if text == "null" || scheme.is_some_and(|scheme| web_scheme(scheme).is_none()) {
            return Ok(Self::Text(text.to_ascii_lowercase()));
        }
        let scheme = scheme.and_then(web_scheme);
        let (kind, authority): (fn(Web) -> Self, _) = match rest.strip_prefix("*.") {
            Some(parent) => (Self::Subdomains, parent),
            None => (Self::Exact, rest),
        };
        let (host, port) = authority_parts(authority).ok_or_else(bad)?;
        Ok(kind(Web { scheme, host, port }.normal()))
    }

    pub(super) fn matches(&self, origin: &str) -> bool {
        let (rule, origin) = match (self, WebOrigin::parse(origin)) {
            (Self::Text(rule), _) => return rule.eq_ignore_ascii_case(origin),
            (_, None) => return false,
            (Self::Exact(rule) | Self::Subdomains(rule), Some(origin)) => (rule, origin.0),
        };
        let host = match self {
            Self::Subdomains(_) => is_below(&origin.host, &rule.host),
            _ => origin.host == rule.host,
        };
        let scheme = rule
            .scheme
            .is_none_or(|scheme| origin.scheme == Some(scheme));
        host && scheme && origin.port == rule.port
    }
}

impl WebOrigin {
    pub(super) fn parse(origin: &str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let scheme = Some(web_scheme(scheme)?);
        let (host, port) = authority_parts(authority)?;
        Some(Self(Web { scheme, host, port }.normal()))
    }

    /// Whether a request with this `Host` came to the origin itself. The scheme is the page's:
    /// behind a proxy this process sees plain HTTP.
    pub(super) fn is_host(&self, host: &str) -> bool {
        let Some((host, port)) = authority_parts(host) else {
            return false;
        };
        let scheme = self.0.scheme;
        Web { scheme, host, port }.normal() == self.0
    }

    pub(super) fn is_within(&self, domain: &str) -> bool {
        self.0.host == domain || is_below(&self.0.host, domain)
    }
}

impl Web {
    fn normal(mut self) -> Self {
        let default = match self.scheme {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        if self.port == default {
            self.port = None;
        }
        self
    }
}

fn web_scheme(scheme: &str) -> Option<&'static str> {
    ["http", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Host in lower case and port; `None` for what is no authority (a path, a user, no host).
fn authority_parts(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    let valid = match host.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(is_host_byte),
    };
    valid.then(|| (host.to_ascii_lowercase(), port))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
