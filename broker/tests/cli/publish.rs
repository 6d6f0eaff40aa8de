//! `tidegate publish` against a server that shows what it got.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::{folder, text, tidegate};

/// Answers one request with `answer`; returns what was asked.
fn serve_once(listener: TcpListener, answer: String) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !is_whole(&request) {
            let got = stream.read(&mut chunk).expect("bytes");
            assert_ne!(got, 0, "the request breaks off");
            request.extend_from_slice(&chunk[..got]);
        }
        stream.write_all(answer.as_bytes()).expect("it reads");
        text(&request)
    })
}

fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request);
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn publish(answer: &str, arguments: &[&str]) -> (std::process::Output, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = serve_once(listener, answer.to_owned());
    let folder = folder();
    let arguments: Vec<_> = ["publish", "--url", &url]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let output = tidegate(folder.path(), &[], &arguments);
    (output, server.join().expect("the server ends"))
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"published\":1}";

#[test]
fn it_posts_with_a_token_of_the_local_key() {
    let (output, request) = publish(OK, &["channel:update", r#"{"title":"hi"}"#, "--event", "e"]);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(0), "{\"published\":1}\n")
    );
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /publish HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        body,
        r#"{"topic":"channel:update","message":{"title":"hi"},"event":"e"}"#
    );
    let token = head
        .lines()
        .find_map(|line| line.strip_prefix("authorization: Bearer "));
    let claims = token
        .expect("a token")
        .split('.')
        .nth(1)
        .expect("claims")
        .to_owned();
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims);
    let claims: serde_json::Value = serde_json::from_slice(&claims.expect("base64")).expect("JSON");
    assert_eq!(claims["scope"], "tidegate:publish");
}

#[test]
fn a_given_token_is_used_and_a_refusal_is_told_without_it() {
    let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 14\r\n\r\n{\"error\":\"no\"}";
    let (output, request) = publish(refusal, &["a:b", "text", "--token", "s3cr3t"]);
    assert!(
        request.contains("authorization: Bearer s3cr3t\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with(r#"{"topic":"a:b","message":"text"}"#),
        "{request}"
    );
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.ends_with("/publish answered 403 Forbidden: {\"error\":\"no\"}\n"),
        "{told}"
    );
    assert!(!told.contains("s3cr3t"), "{told}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("ws://user:s3cr3t@{address}/ws");
    let folder = folder();
    let output = tidegate(folder.path(), &[], &["publish", "a:b", "1", "--url", &url]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.starts_with(&format!("cannot reach http://{address}/publish: ")),
        "{told}"
    );
    assert!(
        told.contains("onnection refused") && !told.contains("s3cr3t"),
        "{told}"
    );
}
