//! Mode `broadcast`: one channel carries all.

use super::*;

#[tokio::test]
async fn two_nodes_hear_each_other_and_themselves_in_one_order() {
    let server = RedisServer::start(&[]);
    let mut a = node(&server, "a", BusMode::Broadcast).await;
    let mut b = node(&server, "b", BusMode::Broadcast).await;
    for node in [&a, &b] {
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    }
    // 200 publications in flight on each node.
    let from = |node: &Node, name: &'static str| {
        let bus = node.bus.clone();
        async move {
            let all = (0..200).map(|n| bus.publish(draft("t", &format!("\"{name}{n}\""))));
            futures_util::future::join_all(all).await
        }
    };
    let (from_a, from_b) = tokio::join!(from(&a, "a"), from(&b, "b"));
    assert!(from_a.iter().chain(&from_b).all(Result::is_ok));

    let heard = a.hear(400).await;
    let order: Vec<_> = heard
        .iter()
        .map(|publication| payload(publication))
        .collect();
    assert_eq!(b.payloads(400).await, order);
    for name in ["a", "b"] {
        let mine = order
            .iter()
            .filter(|text| text.starts_with(&format!("\"{name}")));
        let sent = (0..200).map(|n| format!("\"{name}{n}\""));
        assert!(
            mine.eq(sent.collect::<Vec<_>>().iter()),
            "in the order of the caller"
        );
    }
    let first = &heard[0].draft;
    assert!(first.origin.is_some() && first.id.len() == 26);
}

#[tokio::test]
async fn any_programs_publication_is_heard_and_what_is_none_is_counted() {
    let server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::Broadcast).await;
    node.bus
        .subscribe(1, topic("channel:update"))
        .await
        .expect("subscribed");
    let good = r#"{"topic":"channel:update","message":{"title": "x"}}"#;
    for message in [
        "",
        "nonsense",
        r#"{"topic":"channel:update"}"#,
        "\u{1}",
        good,
    ] {
        assert_eq!(publish(&server, "realtime", message).await, 1);
    }
    let heard = hear(&mut node.inboxes[1], 1).await;
    assert_eq!(payload(&heard[0]), r#"{"title": "x"}"#);
    assert_eq!(heard[0].draft.id.len(), 26, "an id on arrival");
    assert_eq!(node.counted("tidegate_bus_malformed_total"), 4);
}

#[tokio::test]
async fn an_id_is_heard_once_whoever_publishes_it() {
    let server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::Broadcast).await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    let mut mine = draft("t", "1");
    mine.id = "orders/0/17/0".into();
    node.bus.publish(mine.clone()).await.expect("published");
    node.bus.publish(mine).await.expect("published");
    publish(
        &server,
        "realtime",
        r#"{"topic":"t","message":2,"id":"orders/0/17/0"}"#,
    )
    .await;
    publish(&server, "realtime", r#"{"topic":"t","message":3}"#).await;
    assert_eq!(node.payloads(2).await, ["1", "3"]);
    assert_eq!(node.counted("tidegate_bus_duplicates_total"), 2);
}

#[tokio::test]
async fn a_message_above_the_limit_is_passed_over() {
    let server = RedisServer::start(&[]);
    let mut config = settings(&server.url(), BusMode::Broadcast);
    config.message_bytes = 100;
    let mut node = Node::start(BusConfig::Redis(config), "a", 1);
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    let long = format!(r#"{{"topic":"t","message":"{}"}}"#, "x".repeat(100));
    publish(&server, "realtime", &long).await;
    publish(&server, "realtime", r#"{"topic":"t","message":1}"#).await;
    assert_eq!(node.payloads(1).await, ["1"]);
    assert_eq!(node.counted("tidegate_bus_malformed_total"), 1);
}

#[tokio::test]
async fn a_server_without_resp3_is_polled() {
    let server = RedisServer::start(&["--rename-command", "HELLO", ""]);
    for mode in [BusMode::Broadcast, BusMode::PerTopic] {
        let mut node = node(&server, "a", mode).await;
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
        node.bus.publish(draft("t", "1")).await.expect("published");
        publish(&server, "realtime", r#"{"topic":"t","message":2}"#).await;
        assert_eq!(node.payloads(2).await, ["1", "2"]);
        // Several keep-alive pings have been answered by then.
        let before = node.counted("tidegate_bus_probe_seconds_count");
        until("ten more probes are heard", || {
            node.counted("tidegate_bus_probe_seconds_count") >= before + 10
        })
        .await;
        assert_eq!(node.counted("tidegate_bus_reconnects_total"), 0);
    }
}
