//! Sessions of Socket.IO that begin by polling: upgrades that land on another worker, and crowds
//! that never finish theirs.

use std::ops::Range;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;
use tidegate_tests::{frames, http, process, wait};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const NOOP: &str = "6";

/// A session, and the connection that began it: all its requests reach the session's worker.
async fn begin(broker: &Broker) -> (Raw, String) {
    let mut home = Raw::dial(broker.address).await;
    let sid = open(&mut home).await;
    (home, sid)
}

async fn open(connection: &mut Raw) -> String {
    let (status, body) = connection.get(POLLING).await;
    assert_eq!(status, 200, "{body}");
    let open: Value = serde_json::from_str(&body[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

fn worker(sid: &str) -> &str {
    sid.split('.').nth(1).unwrap()
}

/// A connection whose worker is not that of the session: the kernel chooses, and a session begun
/// on it tells.
async fn elsewhere(broker: &Broker, sid: &str) -> Raw {
    for _ in 0..64 {
        let (connection, other) = begin(broker).await;
        if worker(&other) != worker(sid) {
            return connection;
        }
    }
    panic!("64 connections reached worker {}", worker(sid));
}

async fn upgrade(connection: &mut Raw, sid: &str) {
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nHost: localhost\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    connection.send(request.as_bytes()).await;
    let head = connection.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

async fn text(connection: &mut Raw) -> String {
    let frame = connection.frame().await.expect("a frame");
    assert_eq!(frame.opcode, frames::TEXT);
    String::from_utf8(frame.payload).unwrap()
}

async fn probe(connection: &mut Raw) {
    connection.send(&frames::text("2probe")).await;
    assert_eq!(text(connection).await, "3probe");
}

/// What a client hears over both transports, in its order.
#[derive(Default)]
struct Heard {
    notifications: Vec<i32>,
    others: Vec<String>,
}

impl Heard {
    fn take(&mut self, packets: &str) {
        for packet in packets.split('\u{1e}') {
            let number = packet
                .strip_prefix("42[\"notification\",")
                .and_then(|rest| rest.strip_suffix(']'));
            match number {
                Some(number) => self.notifications.push(number.parse().unwrap()),
                None => self.others.push(packet.to_owned()),
            }
        }
    }

    fn took(&mut self, other: &str) -> bool {
        let place = self.others.iter().position(|packet| packet == other);
        place.map(|place| self.others.remove(place)).is_some()
    }
}

async fn notify(broker: &Broker, service: &str, numbers: Range<i32>) {
    for number in numbers {
        let publication = json!({
            "topic": "user:alice:notification",
            "event": "notification",
            "message": number,
        });
        let answer = broker.post_publish(service, &publication.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn listen(ack: u32, topic: &str) -> String {
    format!("42{ack}{}", json!(["listen", {"topics": [topic]}]))
}

/// The whole dance, as a client does it that goes on polling until it is told to stop.
async fn dance(broker: &Broker, last: i32) -> (Heard, Raw) {
    let token = broker.token("alice", &[]);
    let (mut home, sid) = begin(broker).await;
    let target = format!("{POLLING}&sid={sid}");
    let url = broker.url(&target);
    let say = async |packet: String| {
        let posted = http::post(&url, &[], packet).await;
        assert_eq!((posted.status, posted.body.as_str()), (200, "ok"));
    };
    say(format!("40{}", json!({"token": token}))).await;
    let (_, joined) = home.get(&target).await;
    assert!(joined.starts_with("40{\"sid\":"), "{joined}");

    let service = broker.service_token();
    let published = broker.metric("tidegate_client_publications_total").await;
    let before = published.unwrap_or_default();
    let mut heard = Heard::default();
    notify(broker, &service, 0..20).await;
    while heard.notifications.len() < 10 {
        heard.take(&home.get(&target).await.1);
    }
    let mut socket = elsewhere(broker, &sid).await;
    upgrade(&mut socket, &sid).await;
    notify(broker, &service, 20..40).await;
    probe(&mut socket).await;
    say(listen(0, "channel:update")).await;
    while !heard.took(NOOP) {
        heard.take(&home.get(&target).await.1);
    }
    let publishing = notify(broker, &service, 40..last + 1);
    let finishing = async {
        // Nobody polls, and the WebSocket is not the session's yet.
        wait::until("more is there", async || {
            let taken = broker.metric("tidegate_client_publications_total").await?;
            (taken >= before + 60.0).then_some(())
        })
        .await;
        socket.send(&frames::text("5")).await;
        socket
            .send(&frames::text(&listen(1, "channel:follow")))
            .await;
        while heard.notifications.last() != Some(&last) || heard.others.len() < 2 {
            heard.take(&text(&mut socket).await);
        }
    };
    tokio::join!(publishing, finishing);
    (heard, socket)
}

#[tokio::test]
async fn an_upgrade_on_another_worker_keeps_order() {
    const LAST: i32 = 119;
    let broker = Broker::start().await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let (mut heard, socket) = dance(&broker, LAST).await;
        let all: Vec<i32> = (0..=LAST).collect();
        assert_eq!(heard.notifications, all);
        assert!(heard.took("430[{\"ok\":true}]"), "{:?}", heard.others);
        assert!(heard.took("431[{\"ok\":true}]"), "{:?}", heard.others);
        assert!(heard.others.is_empty(), "{:?}", heard.others);
        // It stays connected: the next one's notifications are its as well.
        sockets.push(socket);
    }
}

/// Short timers, and what is left of memory and files when they have passed.
async fn returns_to_rest(deeds: impl AsyncFn(&Broker)) {
    process::raise_open_files();
    let settings = "[socketio]\nping_interval = \"2s\"\nping_timeout = \"1s\"\n\
        upgrade_timeout = \"1s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut after = Vec::new();
    let files = broker.metric("tidegate_process_open_files").await.unwrap();
    for _ in 0..5 {
        deeds(&broker).await;
        wait::until("all sessions are gone", async || {
            (broker.metric("tidegate_connections").await? == 0.0).then_some(())
        })
        .await;
        wait::until("their sockets are closed", async || {
            let now = broker.metric("tidegate_process_open_files").await?;
            (now < files + 20.0).then_some(())
        })
        .await;
        after.push(broker.resident_bytes());
    }
    // The first rounds find the allocator's arenas, one a thread; it keeps some of what it once had,
    // more or less of it in each round. A session forgotten by half holds more.
    let grown = after[4].saturating_sub(after[2]);
    assert!(
        grown < 12 << 20,
        "resident bytes after each round: {after:?}"
    );
    println!("resident bytes after each round: {after:?}");
}

/// Whoever opens sessions and leaves them holds memory for a moment only.
#[tokio::test]
async fn ten_thousand_half_open_handshakes_are_forgotten() {
    returns_to_rest(async |broker| {
        let opening = (0..20).map(|_| async {
            let mut client = Raw::dial(broker.address).await;
            for _ in 0..500 {
                open(&mut client).await;
            }
        });
        join_all(opening).await;
    })
    .await;
}

#[tokio::test]
async fn a_thousand_upgrades_that_are_never_finished_are_forgotten() {
    returns_to_rest(async |broker| {
        let beginning = (0..1_000).map(|number| async move {
            let (_, sid) = begin(broker).await;
            let mut socket = Raw::dial(broker.address).await;
            upgrade(&mut socket, &sid).await;
            // Half of them do not even ask.
            if number % 2 == 0 {
                probe(&mut socket).await;
            }
            socket
        });
        let sockets = join_all(beginning).await;
        join_all(
            sockets
                .into_iter()
                .map(async |mut socket| socket.end().await),
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn overlapping_polls_of_many_end_their_sessions_alone() {
    returns_to_rest(async |broker| {
        let (bystander, sid) = begin(broker).await;
        let polling = (0..500).map(|_| async {
            let (mut first, sid) = begin(broker).await;
            let target = format!("{POLLING}&sid={sid}");
            let mut second = Raw::dial(broker.address).await;
            let (one, two) = tokio::join!(first.get(&target), second.get(&target));
            let mut statuses = [one.0, two.0];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400], "{one:?} {two:?}");
            let ended = if one.0 == 200 { one } else { two };
            assert_eq!(ended.1, "1");
        });
        join_all(polling).await;
        let alive = http::post(&broker.url(&format!("{POLLING}&sid={sid}")), &[], "3").await;
        assert_ne!(
            alive.body,
            "{\"code\":1,\"message\":\"Session ID unknown\"}"
        );
        drop(bystander);
    })
    .await;
}
