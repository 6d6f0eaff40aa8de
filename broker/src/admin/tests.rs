//! Over a real socket, as curl and Prometheus see it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use super::{Admin, Control, Revoked, ShowMetrics, start};
use crate::shutdown::Lifecycle;

struct Running {
    admin: Admin,
    lifecycle: Lifecycle,
    reloads: mpsc::Receiver<String>,
    revocations: mpsc::Receiver<Revoked>,
}

fn metrics() -> ShowMetrics {
    let exporter = crate::metrics::install().expect("an exporter");
    Box::new(move || exporter.render())
}

fn run() -> Running {
    let lifecycle = Lifecycle::new();
    let (asked, reloads) = mpsc::channel();
    let (revoked, revocations) = mpsc::channel();
    let control = Control {
        lifecycle: lifecycle.clone(),
        metrics: metrics(),
        plugins: Box::new(|| serde_json::json!([{"name": "gateway", "state": "serving"}])),
        reload: Box::new(move |name| name == "gateway" && asked.send(name.to_owned()).is_ok()),
        revoke: Box::new(move |whose| {
            let done = match &whose {
                Revoked::Subject(_) => Err("the bus is unavailable".to_owned()),
                Revoked::Session(_) => Ok(()),
            };
            revoked.send(whose).expect("the test runs");
            Box::pin(async { done })
        }),
    };
    let admin = start("127.0.0.1:0".parse().expect("an address"), control).expect("it binds");
    Running {
        admin,
        lifecycle,
        reloads,
        revocations,
    }
}

impl Running {
    fn ask(&self, head: &str) -> (u16, String) {
        exchange(self.admin.address(), head)
    }
}

/// Sends one request with `head` as its first lines; answers status and the whole answer.
fn exchange(address: SocketAddr, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    write!(stream, "{head}\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), answer)
}

#[test]
fn health_and_readiness_follow_the_lifecycle() {
    let running = run();
    let (status, answer) = running.ask("GET /readyz HTTP/1.1");
    assert_eq!(
        (status, answer.ends_with("\r\n\r\nstarting\n")),
        (503, true),
        "{answer}"
    );
    running.lifecycle.set_started();
    assert_eq!(running.ask("GET /readyz HTTP/1.1").0, 200);
    running.lifecycle.set_bus_live(false);
    let (status, answer) = running.ask("GET /readyz HTTP/1.1");
    assert!(status == 503 && answer.contains("bus"), "{answer}");
    running.lifecycle.drain();
    let (status, answer) = running.ask("GET /readyz HTTP/1.1");
    assert!(status == 503 && answer.ends_with("draining\n"), "{answer}");
    assert_eq!(
        running.ask("GET /healthz HTTP/1.1").0,
        200,
        "alive until the end"
    );
    assert_eq!(running.ask("HEAD /healthz HTTP/1.1").0, 200);
}

#[test]
fn metrics_are_prometheus_text() {
    super::describe_metrics();
    let running = run();
    assert_eq!(running.ask("GET /nowhere HTTP/1.1").0, 404);
    let (status, answer) = running.ask("GET /metrics HTTP/1.1");
    assert_eq!(status, 200);
    let head = answer.to_ascii_lowercase();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(
        answer.contains("tidegate_admin_requests_total{status=\"404\"}"),
        "{answer}"
    );
}

#[test]
fn plugins_are_shown_and_reloaded() {
    let running = run();
    let (status, answer) = running.ask("GET /plugins HTTP/1.1");
    assert!(
        status == 200 && answer.contains("\"state\": \"serving\""),
        "{answer}"
    );
    assert_eq!(running.ask("POST /plugins/gateway/reload HTTP/1.1").0, 202);
    assert_eq!(running.reloads.recv().expect("asked"), "gateway");
    let (status, answer) = running.ask("POST /plugins/other/reload HTTP/1.1");
    assert!(status == 404 && answer.contains("\"other\""), "{answer}");
}

#[test]
fn sessions_and_subjects_are_revoked_by_their_decoded_names() {
    let running = run();
    let (status, answer) = running.ask("POST /sessions/a-B_1/revoke HTTP/1.1");
    assert_eq!(status, 200, "{answer}");
    let asked = running.revocations.recv().expect("asked");
    assert_eq!(asked, Revoked::Session("a-B_1".to_owned()));
    let (status, answer) = running.ask("POST /subjects/auth0%7C%C3%A9%2F1/revoke HTTP/1.1");
    assert!(
        status == 503 && answer.ends_with("the bus is unavailable\n"),
        "what was not done is told: {answer}"
    );
    let asked = running.revocations.recv().expect("asked");
    assert_eq!(asked, Revoked::Subject("auth0|é/1".to_owned()));
    for (head, status) in [
        ("POST /sessions//revoke HTTP/1.1", 404),
        ("POST /sessions/a/b/revoke HTTP/1.1", 404),
        ("POST /subjects/%ff/revoke HTTP/1.1", 404),
        ("POST /subjects/%f/revoke HTTP/1.1", 404),
        ("GET /sessions/a/revoke HTTP/1.1", 405),
        ("DELETE /sessions/a HTTP/1.1", 404),
        (
            "POST /sessions/a/revoke HTTP/1.1\r\nOrigin: https://evil.example",
            403,
        ),
    ] {
        assert_eq!(running.ask(head).0, status, "{head}");
    }
    assert!(running.revocations.try_recv().is_err());
}

#[test]
fn a_page_cannot_reload_a_plugin() {
    let running = run();
    let head = "POST /plugins/gateway/reload HTTP/1.1\r\nOrigin: https://evil.example";
    assert_eq!(running.ask(head).0, 403);
    assert!(running.reloads.try_recv().is_err());
}

#[test]
fn wrong_paths_and_methods_are_told_apart() {
    let running = run();
    for (head, status) in [
        ("GET / HTTP/1.1", 404),
        ("GET /ws HTTP/1.1", 404),
        ("GET /plugins/gateway HTTP/1.1", 404),
        ("POST /metrics HTTP/1.1", 405),
        ("DELETE /plugins HTTP/1.1", 405),
        ("GET /plugins/gateway/reload HTTP/1.1", 405),
    ] {
        assert_eq!(running.ask(head).0, status, "{head}");
    }
    let (_, answer) = running.ask("GET /plugins/gateway/reload HTTP/1.1");
    assert!(
        answer.to_ascii_lowercase().contains("allow: post"),
        "{answer}"
    );
}

#[test]
fn garbage_and_silence_do_not_stop_it_answering() {
    let running = run();
    let address = running.admin.address();
    let mut garbage = TcpStream::connect(address).expect("it listens");
    garbage.write_all(&[0xff; 4096]).expect("it reads");
    let silent: Vec<_> = (0..32).map(|_| TcpStream::connect(address)).collect();
    assert_eq!(running.ask("GET /healthz HTTP/1.1").0, 200);
    drop(silent);
}

#[test]
fn a_taken_port_is_named() {
    let running = run();
    let address = running.admin.address();
    let control = Control {
        lifecycle: Lifecycle::new(),
        metrics: metrics(),
        plugins: Box::new(|| serde_json::Value::Null),
        reload: Box::new(|_| false),
        revoke: Box::new(|_| Box::pin(async { Ok(()) })),
    };
    let error = start(address, control).expect_err("the port is taken");
    assert_eq!(
        error.to_string(),
        format!("cannot bind the admin listener on {address}")
    );
    drop(running);
    TcpStream::connect(address).expect_err("nobody listens after the drop");
}
