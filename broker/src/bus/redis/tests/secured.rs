//! Passwords, access lists and TLS.

use std::path::Path;
use std::process::Command;

use super::*;

#[tokio::test]
async fn a_user_with_only_what_the_bus_needs_is_enough() {
    let user = "--requirepass root --user tidegate on >s3cret resetchannels &realtime &tidegate:* \
                -@all +publish +subscribe +unsubscribe +ping";
    let args: Vec<_> = user.split_whitespace().collect();
    let server = RedisServer::start(&args);
    let url = format!("redis://tidegate:s3cret@127.0.0.1:{}", server.port);
    for mode in [BusMode::Broadcast, BusMode::PerTopic] {
        let mut node = Node::start(BusConfig::Redis(settings(&url, mode)), "a", 1);
        node.ready().await;
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
        node.bus.publish(draft("t", "1")).await.expect("published");
        assert_eq!(node.payloads(1).await, ["1"]);
    }
}

#[tokio::test]
async fn a_wrong_password_is_never_live() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    let url = format!("redis://:wrong@127.0.0.1:{}", server.port);
    let node = Node::start(BusConfig::Redis(settings(&url, BusMode::Broadcast)), "a", 1);
    let waiting = tokio::time::timeout(Duration::from_millis(300), node.ready());
    assert!(waiting.await.is_err());
    assert_eq!(
        node.bus.publish(draft("t", "1")).await,
        Err(PublishError::Unavailable)
    );

    let url = format!("redis://:right@127.0.0.1:{}", server.port);
    let node = Node::start(BusConfig::Redis(settings(&url, BusMode::Broadcast)), "a", 1);
    node.ready().await;
}

fn openssl(dir: &Path, args: &str) {
    let done = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("this test needs openssl in PATH: apt-get install openssl");
    assert!(
        done.status.success(),
        "openssl {args}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// An authority of our own and a certificate for 127.0.0.1 signed by it.
fn certificates(dir: &Path) {
    std::fs::write(dir.join("san"), "subjectAltName=IP:127.0.0.1").expect("write");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        dir,
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca"),
    );
    openssl(
        dir,
        &format!("req {key} -keyout tls.key -out tls.csr -subj /CN=redis"),
    );
    openssl(
        dir,
        "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out tls.pem",
    );
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_whose_authority_is_trusted_and_to_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    certificates(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let port = server::free_port();
    let plain = server::free_port();
    let (tls_port, cert, key, ca) = (
        port.to_string(),
        path("tls.pem"),
        path("tls.key"),
        path("ca.pem"),
    );
    let _server = RedisServer::start_on(
        plain,
        &[
            "--tls-port",
            &tls_port,
            "--tls-cert-file",
            &cert,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &ca,
            "--tls-auth-clients",
            "no",
        ],
    );
    let mut config = settings(&format!("rediss://127.0.0.1:{port}"), BusMode::PerTopic);
    let stranger = Node::start(BusConfig::Redis(config.clone()), "a", 1);
    config.ca_file = Some(dir.path().join("ca.pem"));
    let mut node = Node::start(BusConfig::Redis(config), "a", 1);
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    node.bus.publish(draft("t", "1")).await.expect("published");
    assert_eq!(node.payloads(1).await, ["1"]);
    assert_eq!(
        stranger.bus.publish(draft("t", "1")).await,
        Err(PublishError::Unavailable),
        "the system does not trust our authority"
    );

    // `redis://` is never upgraded: on a TLS port it does not get through.
    let config = settings(&format!("redis://127.0.0.1:{port}"), BusMode::Broadcast);
    let plain = Node::start(BusConfig::Redis(config), "a", 1);
    let waiting = tokio::time::timeout(Duration::from_millis(300), plain.ready());
    assert!(waiting.await.is_err());
}
