//! What reaches Sentry, seen by an ingest endpoint on this machine. A process of its own: logging,
//! the panic hook and Sentry belong to the whole process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tidegate::observe::{self, LogConfig, LogFormat, SentryConfig};

/// Path, headers and events of one request.
struct Envelope {
    head: String,
    events: Vec<Value>,
}

fn ingest(listener: &TcpListener, seen: &mpsc::Sender<Envelope>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut reader = BufReader::new(stream);
        while let Some(envelope) = receive(&mut reader) {
            if seen.send(envelope).is_err() {
                return;
            }
        }
    }
}

/// Reads one request and answers it as Sentry does; `None` = the connection has ended.
fn receive(reader: &mut BufReader<TcpStream>) -> Option<Envelope> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    reader.get_mut().write_all(answer.as_bytes()).ok()?;
    let lines: Vec<Value> = String::from_utf8(body)
        .expect("the envelope is text")
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let is_event = |header: &Value| header["type"] == "event";
    let events = lines.windows(2).filter(|pair| is_event(&pair[0]));
    Some(Envelope {
        head,
        events: events.map(|pair| pair[1].clone()).collect(),
    })
}

/// Far above what it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for so many events: on a busy machine naming a panic's frames takes longer than a process
/// would wait at its end.
fn await_events(seen: &mpsc::Receiver<Envelope>, events: usize) -> Vec<Envelope> {
    let mut envelopes: Vec<Envelope> = Vec::new();
    while envelopes.iter().map(|one| one.events.len()).sum::<usize>() < events
        && let Ok(envelope) = seen.recv_timeout(PATIENCE)
    {
        envelopes.push(envelope);
    }
    envelopes
}

#[test]
fn errors_and_panics_reach_sentry_once_each() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, seen) = mpsc::channel();
    std::thread::spawn(move || ingest(&listener, &sender));
    let log = LogConfig {
        filter: "error".to_owned(),
        format: LogFormat::Json,
    };
    let config = SentryConfig {
        dsn: format!("http://public@{address}/42"),
        environment: Some("test".to_owned()),
    };
    let observing = observe::start(&log, Some(&config), "node-7");

    tracing::info!("not an error");
    tracing::error!(plugin = "gateway", "the plugin has tripped");
    let panicked = std::thread::spawn(|| panic!("the worker has died")).join();
    panicked.expect_err("it panics");
    let mut envelopes = await_events(&seen, 2);
    // Waits until all is sent.
    drop(observing);
    envelopes.extend(seen.try_iter());
    let events: Vec<&Value> = envelopes
        .iter()
        .flat_map(|envelope| &envelope.events)
        .collect();
    let told = serde_json::to_string_pretty(&events).expect("JSON");
    assert_eq!(events.len(), 2, "{told}");
    for envelope in &envelopes {
        assert!(
            envelope.head.starts_with("post /api/42/envelope/ "),
            "{}",
            envelope.head
        );
        assert!(
            envelope.head.contains("sentry_key=public"),
            "{}",
            envelope.head
        );
    }
    let [error, panic] = events[..] else {
        panic!("{told}");
    };
    // Sentry takes an event without a level for an error.
    assert!(
        error["level"].is_null() || error["level"] == "error",
        "{told}"
    );
    assert_eq!(error["message"], "the plugin has tripped");
    assert!(error["contexts"].to_string().contains("gateway"), "{told}");
    assert!(
        error.get("stacktrace").is_none() && error.get("threads").is_none(),
        "{told}"
    );
    let exception = &panic["exception"]["values"][0];
    assert_eq!(
        (&exception["type"], &exception["value"]),
        (&"panic".into(), &"the worker has died".into())
    );
    let frames = exception["stacktrace"]["frames"]
        .as_array()
        .map_or(0, Vec::len);
    assert!(frames > 0, "a panic has its stack: {told}");
    for event in events {
        names_the_program_and_nobody_else(event);
    }
}

fn names_the_program_and_nobody_else(event: &Value) {
    let release = concat!("tidegate@", env!("CARGO_PKG_VERSION"));
    assert_eq!(event["release"], release);
    assert_eq!(event["environment"], "test");
    assert_eq!(event["server_name"], "node-7");
    assert!(event.get("user").is_none(), "{event}");
    assert!(event.get("request").is_none(), "{event}");
}
