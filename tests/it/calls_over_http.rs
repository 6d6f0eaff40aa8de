//! `POST /call/{method}`: who calls, from which pages, and what is answered.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::cookies::cookie;
use tidegate_tests::http::{self, Answer};
use tidegate_tests::page::{own_origin, post};
use tidegate_tests::plugins::Plugins;
use tidegate_tests::setup::Setup;

use crate::calls::{plugins, settings, setup};

async fn serving() -> (Plugins, Broker) {
    let plugins = plugins();
    let broker = setup(&plugins).start().await;
    (plugins, broker)
}

#[track_caller]
fn is_error(answer: &Answer, status: u16, code: &str, retryable: bool) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let error = answer.json();
    assert_eq!(error["error"], code, "{error}");
    assert_eq!(error["retryable"], retryable, "{error}");
    assert!(error["message"].is_string(), "{error}");
}

#[tokio::test]
async fn a_program_calls_with_or_without_params() {
    let (_plugins, broker) = serving().await;
    let params = json!({"text": "é", "list": [1, null]});
    let answer = post(&broker, "guest.echo", &[], &params).await;
    assert_eq!((answer.status, answer.json()), (200, params));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("set-cookie"), "");
    let empty = http::post(&broker.url("/call/guest.echo"), &[], "").await;
    assert_eq!((empty.status, empty.json()), (200, json!(null)));
    let who = post(&broker, "guest.who", &[], &json!(null)).await;
    let nobody = json!({"subject": null, "scopes": "", "transport": "http", "session": null});
    assert_eq!(who.json(), nobody);
    let enter = post(&broker, "guest.enter", &[], &json!(["count"])).await;
    assert_eq!(enter.status, 200, "over HTTP it may be called");
}

#[tokio::test]
async fn what_is_no_call_is_refused() {
    let (_plugins, broker) = serving().await;
    for body in ["{", "1 2", "{\"a\":}", "\u{0}"] {
        let answer = http::post(&broker.url("/call/guest.echo"), &[], body).await;
        is_error(&answer, 400, "bad-request", false);
    }
    let not_utf8 = http::post(&broker.url("/call/guest.echo"), &[], vec![b'"', 0xff, b'"']).await;
    is_error(&not_utf8, 400, "bad-request", false);
    let huge = json!("x".repeat(2 << 20));
    let answer = post(&broker, "guest.echo", &[], &huge).await;
    is_error(&answer, 413, "too-large", false);
    for method in ["", "guest", "nobody.does", "guest.no", "%67uest.echo"] {
        let answer = post(&broker, method, &[], &json!(null)).await;
        is_error(&answer, 404, "unknown-method", false);
    }
    let get = broker.get("/call/guest.echo").await;
    is_error(&get, 405, "method-not-allowed", false);
    assert_eq!(get.header("allow"), "POST, OPTIONS");
    let origin = own_origin(&broker);
    let put = broker.url("/call/guest.echo");
    let put = http::try_request(reqwest::Method::PUT, &put, &[("origin", &origin)], "").await;
    let put = put.expect("an answer");
    assert_eq!(put.status, 405);
    assert_eq!(put.header("access-control-allow-origin"), origin);
}

#[tokio::test]
async fn an_error_has_the_plugins_code_and_a_fitting_status() {
    let (_plugins, broker) = serving().await;
    for (code, retryable, status) in [
        ("unauthenticated", false, 401),
        ("forbidden", false, 403),
        ("not-found", false, 404),
        ("conflict", false, 409),
        ("conflict", true, 409),
        ("too-large", false, 413),
        ("too-many-requests", true, 429),
        ("name-taken", false, 400),
        ("busy", true, 503),
    ] {
        let fail = json!([{"fail": {"code": code, "message": "no", "retryable": retryable}}]);
        let answer = post(&broker, "guest.do", &[], &fail).await;
        is_error(&answer, status, code, retryable);
        assert_eq!(answer.json()["message"], "no");
    }
    let trap = post(&broker, "guest.do", &[], &json!(["trap"])).await;
    is_error(&trap, 503, "unavailable", true);
    assert!(!trap.body.contains("panics"), "{}", trap.body);
}

#[tokio::test]
async fn a_token_says_who_calls() {
    let (_plugins, broker) = serving().await;
    let bearer = |token: &str| format!("Bearer {token}");
    let ann = bearer(&broker.token("ann", &["a", "b"]));
    let who = post(
        &broker,
        "guest.who",
        &[("authorization", &ann)],
        &json!(null),
    )
    .await;
    let known = json!({"subject": "ann", "scopes": "a b", "transport": "http", "session": null});
    assert_eq!(who.json(), known);
    for bad in ["Bearer nonsense", "bearer ", &bearer("a.b.c")] {
        let answer = post(
            &broker,
            "guest.who",
            &[("authorization", bad)],
            &json!(null),
        )
        .await;
        is_error(&answer, 401, "unauthenticated", false);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let url = format!("http://{}/subjects/ann/revoke", broker.admin);
    assert_eq!(http::post(&url, &[], "").await.status, 200);
    let revoked = post(
        &broker,
        "guest.who",
        &[("authorization", &ann)],
        &json!(null),
    )
    .await;
    is_error(&revoked, 401, "unauthenticated", false);
}

#[tokio::test]
async fn only_pages_of_allowed_origins_call() {
    let (_plugins, broker) = serving().await;
    let own = own_origin(&broker);
    let who =
        async |headers: &[(&str, &str)]| post(&broker, "guest.who", headers, &json!(null)).await;
    let foreign = who(&[("origin", "https://evil.com")]).await;
    is_error(&foreign, 403, "forbidden-origin", false);
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    let page = who(&[("origin", &own)]).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("access-control-allow-origin"), own);
    assert_eq!(page.header("access-control-allow-credentials"), "true");

    // A cookie that nobody signed is no session, and yet no foreign page may send it.
    let bad = cookie("s", "another secret");
    let hidden = who(&[("cookie", &bad)]).await;
    is_error(&hidden, 403, "forbidden-origin", false);
    let same = who(&[("cookie", &bad), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(
        (same.status, same.json()["subject"].clone()),
        (200, json!(null))
    );
    let cross = who(&[("cookie", &bad), ("sec-fetch-site", "cross-site")]).await;
    is_error(&cross, 403, "forbidden-origin", false);
    let bare = who(&[("sec-fetch-site", "cross-site")]).await;
    is_error(&bare, 403, "forbidden-origin", false);

    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let url = broker.url("/call/guest.who");
        let answer = http::try_request(reqwest::Method::OPTIONS, &url, &headers, "").await;
        answer.expect("an answer")
    };
    let ours = preflight(&own).await;
    assert_eq!(
        (ours.status, ours.header("access-control-allow-origin")),
        (204, own.as_str())
    );
    assert_eq!(ours.header("access-control-allow-methods"), "POST");
    assert_eq!(ours.header("access-control-allow-headers"), "content-type");
    assert_eq!(preflight("https://evil.com").await.status, 403);
}

/// With `*` any page calls, but only as nobody: it neither brings a session nor takes one away.
#[tokio::test]
async fn any_page_calls_without_cookies_if_it_may() {
    let plugins = plugins();
    let setup = Setup::new().env("TIDEGATE_PLUGINS", plugins.path());
    let session = "[session]\nallowed_origins = [\"*\"]\n";
    let broker = setup
        .settings(&format!("{session}{}", settings("")))
        .start()
        .await;
    let origin = ("origin", "https://any.example");
    let create = json!([{"create": {"user": {"id": "ann", "scopes": []}}}]);
    let answer = post(&broker, "guest.do", &[origin], &create).await;
    assert_eq!(
        answer.json(),
        json!([{"error": "needs-http", "retryable": false}])
    );
    assert_eq!(answer.header("set-cookie"), "");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let with_cookie = [origin, ("cookie", "connect.sid=x")];
    let answer = post(&broker, "guest.who", &with_cookie, &json!(null)).await;
    is_error(&answer, 403, "forbidden-origin", false);
}
