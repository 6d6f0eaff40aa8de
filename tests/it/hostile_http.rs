//! What comes before the upgrade: slow, broken and bloated requests.

use std::time::Duration;

use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::raw::{Raw, UPGRADE};
use tidegate_tests::setup::Setup;
use tokio::time::Instant;

const QUICK: &str = "[limits]\nhandshake_timeout = \"500ms\"\n";

#[tokio::test]
async fn slow_handshakes_are_closed() {
    let broker = Setup::new().settings(QUICK).start().await;
    let (head, _) = UPGRADE.split_at(UPGRADE.len() - 2);
    for sent in ["", "G", head] {
        let started = Instant::now();
        let mut raw = Raw::dial(broker.address).await;
        raw.send(sent.as_bytes()).await;
        let answer = raw.everything().await;
        assert!(!answer.contains(" 101 "), "{sent:?}: {answer}");
        assert!(started.elapsed() >= Duration::from_millis(400), "{sent:?}");
    }
}

/// A byte now and then must not prolong the time.
#[tokio::test]
async fn a_trickle_does_not_prolong_the_handshake() {
    let broker = Setup::new().settings(QUICK).start().await;
    let mut raw = Raw::dial(broker.address).await;
    let started = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    let endless = format!("GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: {}", "y".repeat(400));
    for byte in endless.bytes() {
        beat.tick().await;
        if !raw.try_send(&[byte]).await {
            break;
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "cut long before its end"
    );
}

/// Anybody may begin a body; nobody may take for ever.
#[tokio::test]
async fn a_body_that_trickles_is_refused() {
    let broker = Setup::new().settings(QUICK).start().await;
    let mut raw = Raw::dial(broker.address).await;
    let head = "POST /call/chat.who HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
    raw.send(head.as_bytes()).await;
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..40 {
        beat.tick().await;
        if !raw.try_send(b" ").await {
            break;
        }
    }
    let answer = raw.everything().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""error":"timeout""#), "{answer}");
}

#[tokio::test]
async fn garbage_ends_its_connection_only() {
    let broker = Broker::start().await;
    let mut bystander = Client::connect(&broker).await;
    let bloated = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-Big: {}\r\n\r\n",
        "y".repeat(2 << 20)
    );
    let many: String = (0..20_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(1 << 20));
    let tls_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let bad_length = b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec();
    let two_lengths =
        b"POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            .to_vec();
    for (name, bytes) in [
        ("zeros", vec![0; 4096]),
        ("TLS", tls_hello),
        ("a bare line", b"hello\r\n\r\n".to_vec()),
        (
            "HTTP/2 preface",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        ),
        ("a bloated header", bloated.into_bytes()),
        ("20,000 headers", many.into_bytes()),
        ("a long path", long_path.into_bytes()),
        ("a negative length", bad_length),
        ("two lengths", two_lengths),
    ] {
        let mut raw = Raw::dial(broker.address).await;
        // It may be cut before all is sent.
        raw.try_send(&bytes).await;
        let answer = raw.everything().await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(
            refused,
            "{name}: {}",
            answer.lines().next().unwrap_or_default()
        );
    }
    bystander.expect_nothing_before_pong().await;
}

#[tokio::test]
async fn broken_upgrades_are_plain_4xx() {
    let broker = Broker::start().await;
    for (name, from, to) in [
        (
            "no key",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "",
        ),
        ("a short key", "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="),
        ("no version", "Sec-WebSocket-Version: 13\r\n", ""),
        ("version 8", "Version: 13", "Version: 8"),
        ("no upgrade", "Upgrade: websocket\r\n", ""),
        ("another upgrade", "Upgrade: websocket", "Upgrade: h2c"),
        ("POST", "GET", "POST"),
        ("HTTP/1.0", "HTTP/1.1", "HTTP/1.0"),
    ] {
        let request = UPGRADE.replace(from, to);
        assert_ne!(request, UPGRADE, "{name}");
        let mut raw = Raw::dial(broker.address).await;
        raw.send(request.as_bytes()).await;
        let head = raw.head().await;
        let status = head.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with('4'), "{name}: {head}");
        if name == "version 8" {
            assert!(
                head.to_lowercase().contains("sec-websocket-version: 13"),
                "{head}"
            );
        }
    }
}

/// Two thousand connections that never say what they want.
#[tokio::test]
async fn a_crowd_of_half_open_connections_is_shed() {
    let settings = "[limits]\nhandshake_timeout = \"3s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut crowd = Vec::new();
    for _ in 0..2_000 {
        let mut raw = Raw::dial(broker.address).await;
        raw.send(b"GET /ws HTTP/1.1\r\n").await;
        crowd.push(raw);
    }
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    for mut raw in crowd {
        raw.end().await;
    }
    client.expect_nothing_before_pong().await;
}
