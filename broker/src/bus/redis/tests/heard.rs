//! Publishing that resolves when the node heard it back.

use super::*;
use crate::publication::Draft;

fn numbered(name: &str, count: usize) -> Vec<Draft> {
    (0..count)
        .map(|n| Draft {
            id: format!("{name}/{n}").into(),
            ..draft(name, &n.to_string())
        })
        .collect()
}

#[tokio::test]
async fn what_resolved_is_in_the_inbox_in_order_and_once() {
    let server = RedisServer::start(&[]);
    for mode in [BusMode::Broadcast, BusMode::PerTopic] {
        let mut a = node(&server, "a", mode).await;
        let mut b = node(&server, "b", mode).await;
        for node in [&a, &b] {
            node.bus.subscribe(0, topic("t")).await.expect("subscribed");
        }
        let expected: Vec<_> = (0..500).map(|n| n.to_string()).collect();
        for _ in 0..2 {
            let heard = a.bus.publish_heard(&mut numbered("t", 500)).await;
            assert_eq!(heard, Ok(()), "{mode:?}");
        }
        let mut mine = Vec::new();
        let inbox = a.inboxes[0].receive(&mut mine, 1_000);
        assert!(futures_util::FutureExt::now_or_never(inbox).is_some());
        let mine: Vec<_> = mine
            .iter()
            .map(|publication| payload(publication))
            .collect();
        assert_eq!(mine, expected, "{mode:?}");
        assert_eq!(b.payloads(500).await, expected);
        assert_eq!(a.counted("tidegate_bus_duplicates_total"), 500);
    }
}

#[tokio::test]
async fn without_a_listener_here_redis_acknowledgement_counts() {
    let server = RedisServer::start(&[]);
    let mut a = node(&server, "a", BusMode::PerTopic).await;
    let mut b = node(&server, "b", BusMode::PerTopic).await;
    b.bus.subscribe(0, topic("t")).await.expect("subscribed");
    a.bus.subscribe(0, topic("u")).await.expect("subscribed");
    let mut both = numbered("t", 2);
    both.extend(numbered("u", 1));
    assert_eq!(a.bus.publish_heard(&mut both).await, Ok(()));
    assert_eq!(a.payloads(1).await, ["0"]);
    assert_eq!(b.payloads(2).await, ["0", "1"]);
}

/// Nothing comes back to a subscriber that is cut, though Redis acknowledges.
#[tokio::test]
async fn what_does_not_come_back_is_no_success_until_the_last_listener_leaves() {
    let mut server = RedisServer::start(&[]);
    let mut config = settings(&server.url(), BusMode::PerTopic);
    config.topic_channel_prefix = "mine:".to_owned();
    let node = Node::start(BusConfig::Redis(config), "a", 1);
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    let cut: usize = cmd("CLIENT")
        .arg(&["KILL", "TYPE", "pubsub"])
        .query_async(&mut foreign(&server).await)
        .await
        .expect("killed");
    assert_eq!(cut, 1);
    // It is heard from the new connection or not at all; either way it is known.
    let mut drafts = numbered("t", 1);
    let heard = node.bus.publish_heard(&mut drafts);
    let (heard, ()) = tokio::join!(heard, async {
        until("the node is ready", || node.lifecycle.unready().is_none()).await;
        node.bus.unsubscribe(0, topic("t"));
    });
    assert_eq!(heard, Ok(()));

    server.kill();
    until("the node is not ready", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    let refused = node.bus.publish_heard(&mut numbered("t", 1)).await;
    assert_eq!(refused, Err(PublishError::Unavailable));
}

#[tokio::test]
async fn what_an_outage_broke_off_is_published_again_and_heard_once() {
    let mut server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::Broadcast).await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    server.pause();
    let bus = node.bus.clone();
    let broken_off = tokio::spawn(async move { bus.publish_heard(&mut numbered("t", 50)).await });
    until("it waits", || node.bus.0.awaited.is_awaited("t/49")).await;
    server.kill();
    let outcome = broken_off.await.expect("no panic");
    assert_eq!(outcome, Err(PublishError::Unavailable));
    server.restart();
    node.ready().await;
    let again = node.bus.publish_heard(&mut numbered("t", 50)).await;
    assert_eq!(again, Ok(()));
    let expected: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(node.payloads(50).await, expected);
}
