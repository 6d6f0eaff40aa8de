//! Clients that read slower than their topics speak: each policy, and never silently.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::{Client, End};
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;
use tidegate_tests::{frames, wait};

const SETTINGS: &str = r#"
[[topics]]
pattern = "channel:oldest"
slow_consumer = "drop-oldest"

[[topics]]
pattern = "channel:latest"
slow_consumer = "latest-only"
"#;

/// Far above what the sockets' buffers of both ends hold.
const BURST: usize = 600;
const PADDING: usize = 32 << 10;

/// Publishes `1..=BURST`, each padded, then the fence.
async fn burst(broker: &Broker, topic: &str) {
    let service = broker.service_token();
    let padding = "x".repeat(PADDING);
    for start in (1..=BURST).step_by(5) {
        let some: Vec<Value> = (start..start + 5)
            .map(|n| json!({"topic": topic, "message": format!("{n} {padding}")}))
            .collect();
        let answer = broker
            .post_publish(&service, &Value::from(some).to_string())
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn number(message: &str) -> usize {
    message
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn disconnect_closes_with_its_code_and_spares_the_others() {
    let broker = Setup::new().settings(SETTINGS).start().await;
    let mut slow = Client::connect(&broker).await;
    let mut quick = Client::connect(&broker).await;
    slow.listen(&["channel:update"]).await;
    quick.listen(&["channel:update"]).await;
    let reading = tokio::spawn(async move {
        for n in 1..=BURST {
            assert_eq!(number(&quick.message().await.1), n);
        }
    });
    burst(&broker, "channel:update").await;
    wait::soon("the quick one has all", reading).await.unwrap();
    let mut last = 0;
    let end = loop {
        match slow.next().await {
            Ok(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                let n = number(frame["data"]["message"].as_str().unwrap_or_default());
                assert_eq!(n, last + 1, "no hole before the end");
                last = n;
            }
            Err(end) => break end,
        }
    };
    assert!(
        last < BURST,
        "the slow one was not slow enough for this test"
    );
    assert!(matches!(end, End::Closed { code: 4002, .. }), "{end:?}");
    assert!(broker.admin_get("/metrics").await.body.contains("slow"));
}

#[tokio::test]
async fn drop_oldest_keeps_the_connection_the_order_and_the_newest_and_says_so() {
    let broker = Setup::new().settings(SETTINGS).start().await;
    let (mut slow, _) = Client::connect_v1(&broker).await;
    slow.listen(&["channel:oldest"]).await;
    burst(&broker, "channel:oldest").await;
    let (mut last, mut holes, mut missed) = (0, 0, 0);
    while last < BURST || missed == 0 {
        let frame = slow.frame().await;
        match frame["type"].as_str() {
            Some("MESSAGE") => {
                let n = number(frame["data"]["message"].as_str().unwrap_or_default());
                assert!(n > last, "{n} after {last}");
                holes += usize::from(n != last + 1);
                last = n;
            }
            Some("MISSED") => {
                assert_eq!(
                    frame["data"]["topics"],
                    json!(["channel:oldest"]),
                    "{frame}"
                );
                missed += 1;
            }
            _ => panic!("{frame}"),
        }
    }
    assert!(holes > 0, "the slow one was not slow enough for this test");
    slow.expect_nothing_before_pong().await;
}

#[tokio::test]
async fn latest_only_ends_on_the_newest() {
    let broker = Setup::new().settings(SETTINGS).start().await;
    let mut slow = Client::connect(&broker).await;
    slow.listen(&["channel:latest"]).await;
    burst(&broker, "channel:latest").await;
    let (mut last, mut heard) = (0, 0);
    while last < BURST {
        let frame = slow.frame().await;
        if frame["type"] == "RECONNECT" {
            continue;
        }
        let n = number(frame["data"]["message"].as_str().unwrap_or_default());
        assert!(n > last, "{n} after {last}");
        (last, heard) = (n, heard + 1);
    }
    assert!(
        heard < BURST,
        "the slow one was not slow enough for this test"
    );
}

/// A client that floods requests and reads no answer is stopped by its own outbox.
#[tokio::test]
async fn answers_nobody_reads_do_not_pile_up() {
    let settings = "[limits]\noutbox_bytes = \"64KiB\"\npublication_bytes = \"64KiB\"\nmessages_per_second = 1000000\nwrite_timeout = \"2s\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut deaf = Raw::upgraded(broker.address).await;
    let nonce = "n".repeat(8 << 10);
    let data = json!({"topics": ["channel:update"]});
    let request =
        frames::text(&json!({"type": "LISTEN", "nonce": nonce, "data": data}).to_string());
    // It ends by the close, or by TCP holding us up because the broker stopped reading.
    for _ in 0..4000 {
        let sent = tokio::time::timeout(wait::PATIENCE / 4, deaf.try_send(&request)).await;
        if sent != Ok(true) {
            break;
        }
    }
    let mut other = Client::connect(&broker).await;
    other.listen(&["channel:update"]).await;
    let memory = broker.resident_bytes();
    assert!(memory < 400 << 20, "{memory} bytes");
}

/// One of `/ws` or of Socket.IO that listens to what is for alice, and from here on takes nothing
/// from its socket.
async fn frozen(broker: &Broker, target: &str) -> Raw {
    let mut client = Raw::upgraded_at(broker.address, target).await;
    let token = broker.token("alice", &[]);
    let (hello, granted) = match target {
        "/ws" => {
            let data = json!({"topics": ["user:alice:notification"], "auth_token": token});
            let listen = json!({"type": "LISTEN", "nonce": "1", "data": data});
            (listen.to_string(), r#"{"type":"RESPONSE""#)
        }
        _ => (format!("40{}", json!({"token": token})), "40{"),
    };
    client.send(&frames::text(&hello)).await;
    loop {
        let frame = client.frame().await.expect("it is connected");
        if frame.payload.starts_with(granted.as_bytes()) {
            return client;
        }
    }
}

/// Whether it is to be closed as a slow consumer or its oldest are dropped: not even a close frame
/// reaches it, and that ever more comes to wait does not keep it.
#[tokio::test]
async fn frozen_clients_are_given_up() {
    for policy in ["drop-oldest", "disconnect"] {
        let settings = format!(
            "[limits]\nwrite_timeout = \"2s\"\n\
             [[topics]]\npattern = \"user:**\"\nslow_consumer = {policy:?}\n"
        );
        let broker = Setup::new().settings(&settings).start().await;
        let service = broker.service_token();
        let _frozen = [
            frozen(&broker, "/ws").await,
            frozen(&broker, "/socket.io/?EIO=4&transport=websocket").await,
        ];
        burst(&broker, "user:alice:notification").await;
        let name = format!("they are given up, with {policy}");
        wait::until(&name, async || {
            let more = json!("y".repeat(1_000));
            broker
                .publish(&service, "user:alice:notification", more)
                .await;
            (broker.metric("tidegate_connections").await == Some(0.0)).then_some(())
        })
        .await;
        let given_up = broker.metric("tidegate_write_timeouts_total").await;
        assert_eq!(given_up, Some(2.0), "{policy}");
    }
}

#[tokio::test]
async fn coalesced_topics_keep_their_order() {
    let settings = "[[topics]]\npattern = \"channel:**\"\ncoalesce = \"20ms\"\n";
    let broker = Setup::new().settings(settings).start().await;
    let service = broker.service_token();
    let mut client = Client::connect(&broker).await;
    client.listen(&["channel:update"]).await;
    for n in 0..30 {
        broker.publish(&service, "channel:update", json!(n)).await;
    }
    for n in 0..30 {
        client
            .expect_message("channel:update", &n.to_string())
            .await;
    }
}
