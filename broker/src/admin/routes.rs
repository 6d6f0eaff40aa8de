//! One request, one answer; no I/O.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use metrics::counter;

use super::Control;

type Answer = Response<Full<Bytes>>;

/// Bodies are ignored: no request has one that counts.
pub(super) fn answer<B>(request: &Request<B>, control: &Control) -> Answer {
    let answer = route(request, control);
    let status = answer.status().as_str().to_owned();
    counter!("tidegate_admin_requests_total", "status" => status).increment(1);
    answer
}

fn route<B>(request: &Request<B>, control: &Control) -> Answer {
    let path = request.uri().path();
    let reload = path
        .strip_prefix("/plugins/")
        .and_then(|rest| rest.strip_suffix("/reload"));
    let allowed = match (path, reload) {
        (_, Some(_)) => &Method::POST,
        ("/metrics" | "/healthz" | "/readyz" | "/plugins", None) => &Method::GET,
        _ => return text(StatusCode::NOT_FOUND, format!("there is no {path} here")),
    };
    let method = request.method();
    if method != allowed && !(method == Method::HEAD && allowed == Method::GET) {
        let mut answer = text(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{path} takes {allowed}, not {method}"),
        );
        let allowed = HeaderValue::from_str(allowed.as_str());
        answer
            .headers_mut()
            .extend(allowed.map(|allowed| (ALLOW, allowed)));
        return answer;
    }
    match (path, reload) {
        // No page has business here, and a browser on an operator's machine reaches loopback.
        (_, Some(_)) if request.headers().contains_key(ORIGIN) => text(
            StatusCode::FORBIDDEN,
            "requests from pages are refused".to_owned(),
        ),
        (_, Some(name)) => reload_plugin(name, control),
        ("/metrics", _) => typed(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            (control.metrics)(),
        ),
        ("/plugins", _) => json(StatusCode::OK, &(control.plugins)()),
        ("/readyz", _) => match control.lifecycle.unready() {
            None => text(StatusCode::OK, "ready".to_owned()),
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned()),
        },
        _ => text(StatusCode::OK, "alive".to_owned()),
    }
}

fn reload_plugin(name: &str, control: &Control) -> Answer {
    if !(control.reload)(name) {
        return text(
            StatusCode::NOT_FOUND,
            format!("there is no plugin {name:?}"),
        );
    }
    tracing::info!(plugin = name, "reload asked for by an operator");
    text(
        StatusCode::ACCEPTED,
        format!("reload of {name} is under way"),
    )
}

fn text(status: StatusCode, mut line: String) -> Answer {
    line.push('\n');
    typed(status, "text/plain; charset=utf-8", line)
}

fn json(status: StatusCode, value: &serde_json::Value) -> Answer {
    typed(status, "application/json", format!("{value:#}\n"))
}

fn typed(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
