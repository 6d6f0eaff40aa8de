//! Too many messages, too many connections, too few file descriptors.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::raw::{Raw, UPGRADE};
use tidegate_tests::setup::Setup;
use tidegate_tests::wait;

#[tokio::test]
async fn a_flood_of_messages_is_4008() {
    let settings = "[limits]\nmessages_per_second = 100\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut calm = Client::connect(&broker).await;
    for n in 0..60 {
        calm.listen(&[&format!("channel:{}", n % 5)]).await;
    }
    for kind in ["PING", "LISTEN"] {
        let mut flood = Client::connect(&broker).await;
        for _ in 0..1_000 {
            let frame = json!({"type": kind, "data": {"topics": ["channel:a"]}}).to_string();
            if !flood.try_send_text(&frame).await {
                break;
            }
        }
        assert_eq!(flood.close_code().await, 4008, "{kind}");
    }
    calm.expect_nothing_before_pong().await;
}

#[tokio::test]
async fn the_default_rate_leaves_busy_clients_alone() {
    let broker = Broker::start().await;
    let mut busy = Client::connect(&broker).await;
    busy.listen(&["channel:update"]).await;
    for _ in 0..500 {
        busy.send(json!({"type": "PING"})).await;
    }
    for _ in 0..500 {
        busy.expect(json!({"type": "PONG"})).await;
    }
}

async fn refused(broker: &Broker) -> Option<u16> {
    Client::open(broker.address, "/ws", &[]).await.err()
}

#[tokio::test]
async fn connections_per_address_are_limited_when_set() {
    let settings = "[limits]\nconnections_per_address = 3\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Client::connect(&broker).await);
    }
    assert_eq!(refused(&broker).await, Some(429));
    held.pop();
    wait::until("the closed connection counts no more", async || {
        Client::open(broker.address, "/ws", &[]).await.ok()
    })
    .await;
    drop(held);
}

/// The header counts only when a trusted proxy sends it.
#[tokio::test]
async fn a_trusted_proxys_header_gives_the_address() {
    let limits = "[limits]\nconnections_per_address = 1\n[server]\nclient_address_header = \"Fly-Client-IP\"\n";
    for (trusted, second) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let settings = format!("{limits}trusted_proxies = [\"{trusted}\"]\n");
        let broker = Setup::new().settings(&settings).start().await;
        let open = |address: &'static str| {
            let at = broker.address;
            async move { Client::open(at, "/ws", &[("fly-client-ip", address)]).await }
        };
        let _first = open("192.0.2.1").await.expect("the first is let in");
        assert_eq!(open("192.0.2.2").await.is_ok(), second, "{trusted}");
        assert_eq!(open("192.0.2.1").await.err(), Some(429), "{trusted}");
    }
}

#[tokio::test]
async fn a_full_node_answers_503_and_stays_up() {
    let settings = "[limits]\nconnections = 5\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(Client::connect(&broker).await);
    }
    assert_eq!(refused(&broker).await, Some(503));
    held[0].listen(&["channel:update"]).await;
    held.remove(4);
    wait::until("there is room again", async || {
        Client::open(broker.address, "/ws", &[]).await.ok()
    })
    .await;
}

/// Out of file descriptors, accepting waits and goes on; it never dies and never spins.
#[tokio::test]
async fn accepting_survives_the_end_of_file_descriptors() {
    let broker = Setup::new().open_files(160).start().await;
    let mut first = Client::connect(&broker).await;
    first.listen(&["channel:update"]).await;
    let mut crowd = Vec::new();
    for _ in 0..400 {
        let mut raw = Raw::dial(broker.address).await;
        raw.try_send(UPGRADE.as_bytes()).await;
        crowd.push(raw);
    }
    broker
        .logged("it is out of files", |line| line.contains("open files"))
        .await;
    first.expect_nothing_before_pong().await;
    let before = broker.cpu_time();
    first.expect_nothing_before_pong().await;
    let idle = tokio::time::timeout(std::time::Duration::from_secs(1), first.text()).await;
    assert!(idle.is_err(), "nothing was said");
    let used = broker.cpu_time() - before;
    assert!(
        used.as_millis() < 700,
        "{used:?} of CPU in a second of waiting"
    );
    drop(crowd);
    let mut next = wait::until("new connections are accepted", async || {
        let opening = Client::open(broker.address, "/ws", &[]);
        tokio::time::timeout(std::time::Duration::from_secs(2), opening)
            .await
            .ok()?
            .ok()
    })
    .await;
    next.listen(&["channel:update"]).await;
    let service = broker.service_token();
    broker
        .publish(&service, "channel:update", json!("alive"))
        .await;
    first.expect_message("channel:update", "alive").await;
    next.expect_message("channel:update", "alive").await;
}
