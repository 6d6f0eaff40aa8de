//! Whose pages may use cookies and open sockets.

mod rule;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, COOKIE, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

pub use rule::BadOrigin;
use rule::{Rule, WebOrigin};

use super::SessionConfig;

/// The rules of `allowed_origins`, read once.
#[derive(Clone, Debug)]
pub struct Origins {
    rules: Vec<Rule>,
    /// `*`: any page, but never with its visitor's cookies.
    any: bool,
    /// No rules but `*` were set: the own host, `domain` and its subdomains are trusted.
    default: bool,
    /// Lower case, without a leading dot.
    domain: Option<String>,
}

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginVerdict {
    /// A page of a trusted origin, or a browser's own same-origin request.
    Allowed,
    /// No browser page: neither `Origin` nor cookie, nor another page's `Sec-Fetch-Site`.
    Program,
    /// Any page may (`*`), but a cookie on this request must not count.
    WithoutCookies,
    /// Answer 403 with the reason.
    Refused(OriginRefusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginRefusal {
    #[error("this origin is not allowed")]
    Foreign,
    #[error("any origin is allowed here, but not with cookies")]
    WithCookie,
    #[error("a browser's request must say its origin here")]
    NoOrigin,
    #[error("the request has a malformed or repeated origin header")]
    Malformed,
}

impl OriginVerdict {
    pub fn is_refused(self) -> bool {
        matches!(self, Self::Refused(_))
    }

    pub fn refusal(self) -> Option<OriginRefusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Origins {
    /// Fails on a rule that is no origin and names it.
    pub fn new(config: &SessionConfig) -> Result<Self, BadOrigin> {
        let listed = &config.allowed_origins;
        let rules = listed
            .iter()
            .filter(|rule| *rule != "*")
            .map(|rule| Rule::parse(rule));
        let rules: Vec<Rule> = rules.collect::<Result<_, _>>()?;
        let domain = config.cookie.domain.as_deref();
        Ok(Self {
            any: listed.iter().any(|rule| rule == "*"),
            default: rules.is_empty(),
            rules,
            domain: domain.map(|domain| domain.trim_start_matches('.').to_ascii_lowercase()),
        })
    }

    /// For an upgrade and for CORS, where cookies never count: only the `Origin` decides.
    pub fn check(&self, headers: &HeaderMap) -> OriginVerdict {
        match origin(headers) {
            Err(refusal) => OriginVerdict::Refused(refusal),
            Ok(None) if headers.contains_key(COOKIE) => OriginVerdict::WithoutCookies,
            Ok(None) => OriginVerdict::Program,
            Ok(Some(origin)) if self.trusts(origin, headers) => OriginVerdict::Allowed,
            Ok(Some(_)) if self.any => OriginVerdict::WithoutCookies,
            Ok(Some(_)) => OriginVerdict::Refused(OriginRefusal::Foreign),
        }
    }

    /// For an endpoint where a cookie counts (`/auth/ws`, `POST /call`). Never answers
    /// `WithoutCookies` to a request that has one.
    pub fn check_cookies(&self, method: &Method, headers: &HeaderMap) -> OriginVerdict {
        let cookie = headers.contains_key(COOKIE);
        match self.check(headers) {
            OriginVerdict::WithoutCookies if headers.contains_key(ORIGIN) && cookie => {
                OriginVerdict::Refused(OriginRefusal::WithCookie)
            }
            OriginVerdict::WithoutCookies if cookie => by_fetch_metadata(method, headers),
            OriginVerdict::Program if !method.is_safe() && is_of_another_page(headers) => {
                OriginVerdict::Refused(OriginRefusal::NoOrigin)
            }
            verdict => verdict,
        }
    }

    /// Adds the CORS answer for this request's `Origin`, if it is allowed.
    pub fn add_cors(&self, request: &HeaderMap, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        let (Some(origin), verdict) = (request.get(ORIGIN), self.check(request)) else {
            return;
        };
        match verdict {
            OriginVerdict::Allowed => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                let yes = HeaderValue::from_static("true");
                response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            }
            OriginVerdict::WithoutCookies => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            OriginVerdict::Program | OriginVerdict::Refused(_) => {}
        }
    }

    fn trusts(&self, origin: &str, headers: &HeaderMap) -> bool {
        if !self.default {
            return self.rules.iter().any(|rule| rule.matches(origin));
        }
        let Some(origin) = WebOrigin::parse(origin) else {
            return false;
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| origin.is_host(host))
            || self
                .domain
                .as_deref()
                .is_some_and(|domain| origin.is_within(domain))
    }
}

/// A browser's request from elsewhere, whatever became of its `Origin`.
fn is_of_another_page(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    sites.any(|site| matches!(site.as_bytes(), b"cross-site" | b"same-site"))
}

/// Browsers send no `Origin` with a same-origin GET; newer ones say where it comes from.
fn by_fetch_metadata(method: &Method, headers: &HeaderMap) -> OriginVerdict {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    match site {
        Some(b"same-origin") => OriginVerdict::Allowed,
        // Typed into the address bar, or a browser too old to say; its reader is the page's own.
        Some(b"none") | None if method.is_safe() => OriginVerdict::Allowed,
        Some(_) | None => OriginVerdict::Refused(OriginRefusal::NoOrigin),
    }
}

fn origin(headers: &HeaderMap) -> Result<Option<&str>, OriginRefusal> {
    let mut values = headers.get_all(ORIGIN).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(origin), None) => origin
            .to_str()
            .map(Some)
            .map_err(|_| OriginRefusal::Malformed),
        (Some(_), Some(_)) => Err(OriginRefusal::Malformed),
    }
}

#[cfg(test)]
mod tests;
