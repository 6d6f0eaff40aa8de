//! One request, one answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use metrics::counter;

use super::{Control, Revoked};
use crate::percent;

type Answer = Response<Full<Bytes>>;

/// What is there to ask for.
enum Route {
    Metrics,
    Healthz,
    Readyz,
    Plugins,
    Reload(String),
    Revoke(Revoked),
}

impl Route {
    fn find(path: &str) -> Option<Self> {
        // The segment between, decoded.
        let named = |prefix: &str, suffix: &str| {
            let name = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
            percent::decode(name).filter(|_| !name.is_empty() && !name.contains('/'))
        };
        match path {
            "/metrics" => Some(Self::Metrics),
            "/healthz" => Some(Self::Healthz),
            "/readyz" => Some(Self::Readyz),
            "/plugins" => Some(Self::Plugins),
            _ => {
                let reload = named("/plugins/", "/reload").map(Self::Reload);
                let session = || named("/sessions/", "/revoke").map(Revoked::Session);
                let subject = || named("/subjects/", "/revoke").map(Revoked::Subject);
                reload.or_else(|| session().or_else(subject).map(Self::Revoke))
            }
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Metrics | Self::Healthz | Self::Readyz | Self::Plugins => Method::GET,
            Self::Reload(_) | Self::Revoke(_) => Method::POST,
        }
    }
}

/// Bodies are ignored: no request has one that counts.
pub(super) async fn answer(request: Parts, control: Arc<Control>) -> Answer {
    let answer = match find(&request) {
        Ok(route) => follow(route, &control).await,
        Err(refusal) => refusal,
    };
    let status = answer.status().as_str().to_owned();
    counter!("tidegate_admin_requests_total", "status" => status).increment(1);
    answer
}

fn find(request: &Parts) -> Result<Route, Answer> {
    let path = request.uri.path();
    let unknown = || text(StatusCode::NOT_FOUND, format!("there is no {path} here"));
    let route = Route::find(path).ok_or_else(unknown)?;
    let (method, allowed) = (&request.method, route.method());
    if *method != allowed && !(method == Method::HEAD && allowed == Method::GET) {
        let mut answer = text(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{path} takes {allowed}, not {method}"),
        );
        let allowed = HeaderValue::from_str(allowed.as_str());
        answer
            .headers_mut()
            .extend(allowed.map(|allowed| (ALLOW, allowed)));
        return Err(answer);
    }
    // No page has business here, and a browser on an operator's machine reaches loopback.
    if allowed == Method::POST && request.headers.contains_key(ORIGIN) {
        let line = "requests from pages are refused".to_owned();
        return Err(text(StatusCode::FORBIDDEN, line));
    }
    Ok(route)
}

async fn follow(route: Route, control: &Control) -> Answer {
    match route {
        Route::Metrics => typed(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            (control.metrics)(),
        ),
        Route::Healthz => text(StatusCode::OK, "alive".to_owned()),
        Route::Readyz => match control.lifecycle.unready() {
            None => text(StatusCode::OK, "ready".to_owned()),
            Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned()),
        },
        Route::Plugins => json(StatusCode::OK, &(control.plugins)()),
        Route::Reload(name) => reload_plugin(&name, control),
        Route::Revoke(revoked) => revoke(revoked, control).await,
    }
}

/// The id of a session reaches no log, nor does a subject.
async fn revoke(revoked: Revoked, control: &Control) -> Answer {
    let of = match &revoked {
        Revoked::Session(_) => "session",
        Revoked::Subject(_) => "subject",
    };
    tracing::info!(of, "revocation asked for by an operator");
    match (control.revoke)(revoked).await {
        Ok(()) => text(StatusCode::OK, "revoked on all nodes".to_owned()),
        Err(what) => {
            tracing::warn!(of, what, "the revocation is not complete");
            text(StatusCode::SERVICE_UNAVAILABLE, what)
        }
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
