#![allow(clippy::unwrap_used)]

use super::*;
use crate::auth::tests::session_config;

fn origins(allowed: &[&str], domain: Option<&str>) -> Origins {
    let mut config = session_config();
    config.allowed_origins = allowed.iter().map(|&rule| rule.to_owned()).collect();
    config.cookie.domain = domain.map(str::to_owned);
    Origins::new(&config).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

const FOREIGN: OriginVerdict = OriginVerdict::Refused(OriginRefusal::Foreign);

fn check(origins: &Origins, origin: &str) -> OriginVerdict {
    origins.check(&headers(&[("host", "app.test:4444"), ("origin", origin)]))
}

#[test]
fn by_default_the_own_host_is_trusted() {
    let origins = origins(&[], None);
    for (host, origin, expected) in [
        ("app.test", "https://app.test", OriginVerdict::Allowed),
        ("app.test", "http://app.test", OriginVerdict::Allowed),
        ("APP.test", "https://app.TEST", OriginVerdict::Allowed),
        ("app.test:443", "https://app.test", OriginVerdict::Allowed),
        (
            "app.test:4444",
            "http://app.test:4444",
            OriginVerdict::Allowed,
        ),
        ("[::1]:4444", "http://[::1]:4444", OriginVerdict::Allowed),
        ("app.test", "https://app.test:8443", FOREIGN),
        ("app.test:4444", "http://app.test:3000", FOREIGN),
        ("app.test", "https://sub.app.test", FOREIGN),
        ("app.test", "https://app.test.evil", FOREIGN),
        ("app.test", "https://evil.test", FOREIGN),
        ("app.test", "null", FOREIGN),
        ("app.test", "", FOREIGN),
        ("app.test", "app.test", FOREIGN),
        ("app.test", "https://app.test/", FOREIGN),
        ("app.test", "https://evil.test@app.test", FOREIGN),
        ("app.test", "chrome-extension://app.test", FOREIGN),
    ] {
        let request = headers(&[("host", host), ("origin", origin)]);
        assert_eq!(origins.check(&request), expected, "{host} {origin}");
    }
    assert_eq!(
        origins.check(&headers(&[("origin", "https://app.test")])),
        FOREIGN
    );
}

#[test]
fn by_default_the_session_domain_and_its_subdomains_are_trusted() {
    for domain in ["Example.com", ".example.com"] {
        let origins = origins(&[], Some(domain));
        for good in [
            "https://example.com",
            "https://a.b.example.com",
            "http://example.com:3000",
        ] {
            assert_eq!(check(&origins, good), OriginVerdict::Allowed, "{good}");
        }
        for bad in [
            "https://badexample.com",
            "https://example.com.evil",
            "https://.example.com",
        ] {
            assert_eq!(check(&origins, bad), FOREIGN, "{bad}");
        }
        assert_eq!(
            check(&origins, "http://app.test:4444"),
            OriginVerdict::Allowed
        );
    }
}

#[test]
fn listed_origins_take_the_place_of_the_default() {
    let origins = origins(
        &[
            "https://one.test",
            "https://*.two.test",
            "three.test:3000",
            "capacitor://localhost",
            "null",
        ],
        Some("example.com"),
    );
    for good in [
        "https://one.test",
        "https://a.two.test",
        "https://a.b.two.test",
        "http://three.test:3000",
        "https://three.test:3000",
        "capacitor://localhost",
        "null",
    ] {
        assert_eq!(check(&origins, good), OriginVerdict::Allowed, "{good}");
    }
    for bad in [
        "http://one.test",
        "https://one.test:8443",
        "https://two.test",
        "https://atwo.test",
        "http://a.two.test",
        "https://three.test",
        "https://example.com",
        "http://app.test:4444",
        "ionic://localhost",
    ] {
        assert_eq!(check(&origins, bad), FOREIGN, "{bad}");
    }
}

#[test]
fn a_star_lets_any_page_in_without_its_visitors_cookies() {
    let origins = origins(&["*", "https://one.test"], None);
    assert_eq!(
        check(&origins, "https://evil.test"),
        OriginVerdict::WithoutCookies
    );
    assert_eq!(check(&origins, "https://one.test"), OriginVerdict::Allowed);
    let with_cookie =
        |origin| headers(&[("host", "app.test"), ("origin", origin), ("cookie", "a=1")]);
    assert_eq!(
        origins.check(&with_cookie("https://evil.test")),
        OriginVerdict::WithoutCookies
    );
    let refused = origins.check_cookies(&Method::POST, &with_cookie("https://evil.test"));
    assert_eq!(refused, OriginVerdict::Refused(OriginRefusal::WithCookie));
    let listed = origins.check_cookies(&Method::POST, &with_cookie("https://one.test"));
    assert_eq!(listed, OriginVerdict::Allowed);
    let own = super::tests::origins(&["*"], None);
    let own = own.check_cookies(&Method::POST, &with_cookie("https://app.test"));
    assert_eq!(
        own,
        OriginVerdict::Allowed,
        "a star alone adds to the default"
    );
}

#[test]
fn a_cookie_counts_only_with_a_known_origin() {
    let origins = origins(&[], None);
    let no_origin = OriginVerdict::Refused(OriginRefusal::NoOrigin);
    for (method, site, expected) in [
        (Method::POST, None, no_origin),
        (Method::POST, Some("same-origin"), OriginVerdict::Allowed),
        (Method::POST, Some("same-site"), no_origin),
        (Method::POST, Some("cross-site"), no_origin),
        (Method::POST, Some("none"), no_origin),
        (Method::GET, None, OriginVerdict::Allowed),
        (Method::GET, Some("same-origin"), OriginVerdict::Allowed),
        (Method::GET, Some("none"), OriginVerdict::Allowed),
        (Method::GET, Some("same-site"), no_origin),
        (Method::GET, Some("cross-site"), no_origin),
    ] {
        let mut pairs = vec![("host", "app.test"), ("cookie", "connect.sid=x")];
        pairs.extend(site.map(|site| ("sec-fetch-site", site)));
        let verdict = origins.check_cookies(&method, &headers(&pairs));
        assert_eq!(verdict, expected, "{method} {site:?}");
    }
    let foreign = headers(&[
        ("host", "app.test"),
        ("origin", "https://evil.test"),
        ("cookie", "a=1"),
    ]);
    assert_eq!(origins.check_cookies(&Method::POST, &foreign), FOREIGN);
    assert_eq!(origins.check_cookies(&Method::GET, &foreign), FOREIGN);
}

#[test]
fn a_program_passes() {
    let origins = origins(&["https://one.test"], None);
    let program = headers(&[("host", "app.test")]);
    assert_eq!(origins.check(&program), OriginVerdict::Program);
    assert_eq!(
        origins.check_cookies(&Method::POST, &program),
        OriginVerdict::Program
    );
}

#[test]
fn a_browser_without_origin_or_cookie_is_no_program() {
    let origins = origins(&["*"], None);
    let refused = OriginVerdict::Refused(OriginRefusal::NoOrigin);
    for (method, site, expected) in [
        (Method::POST, "cross-site", refused),
        (Method::POST, "same-site", refused),
        (Method::POST, "same-origin", OriginVerdict::Program),
        (Method::POST, "none", OriginVerdict::Program),
        (Method::GET, "cross-site", OriginVerdict::Program),
    ] {
        let request = headers(&[("host", "app.test"), ("sec-fetch-site", site)]);
        let verdict = origins.check_cookies(&method, &request);
        assert_eq!(verdict, expected, "{method} {site}");
    }
}

#[test]
fn an_origin_header_that_is_repeated_or_no_text_is_refused() {
    let origins = origins(&["*"], None);
    let malformed = OriginVerdict::Refused(OriginRefusal::Malformed);
    let twice = headers(&[
        ("origin", "https://one.test"),
        ("origin", "https://one.test"),
    ]);
    assert_eq!(origins.check(&twice), malformed);
    let mut bytes = HeaderMap::new();
    bytes.insert(
        ORIGIN,
        HeaderValue::from_bytes(b"https://\xff.test").unwrap(),
    );
    assert_eq!(origins.check(&bytes), malformed);
}

#[test]
fn cors_follows_the_same_rules() {
    let cors = |allowed: &[&str], origin: &str| {
        let mut response = HeaderMap::new();
        let request = headers(&[("host", "app.test"), ("origin", origin)]);
        origins(allowed, None).add_cors(&request, &mut response);
        assert_eq!(response[VARY], "Origin");
        let text = |name| {
            response
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        (
            text(ACCESS_CONTROL_ALLOW_ORIGIN),
            text(ACCESS_CONTROL_ALLOW_CREDENTIALS),
        )
    };
    let yes = |origin: &str| Some(origin.to_owned());
    assert_eq!(
        cors(&[], "https://app.test"),
        (yes("https://app.test"), yes("true"))
    );
    assert_eq!(cors(&[], "https://evil.test"), (None, None));
    assert_eq!(cors(&["*"], "https://evil.test"), (yes("*"), None));
}

#[test]
fn a_rule_that_is_no_origin_is_named() {
    for bad in [
        "",
        "https://",
        "https://a.test/path",
        "a b",
        "https://*",
        "*.*.test",
        "a.test:x",
        "https://[zz]",
    ] {
        let mut config = session_config();
        config.allowed_origins = vec!["https://good.test".to_owned(), bad.to_owned()];
        let error = Origins::new(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("'{bad}'")), "{error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_origin_makes_the_rules_panic(origin in "\\PC{0,40}|https?://[a-z.:@\\[\\]]{0,20}") {
        let rule = Rule::parse("https://*.two.test").unwrap();
        rule.matches(&origin);
        let _ = Rule::parse(&origin);
    }
}
