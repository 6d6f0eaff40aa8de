//! Redis dies, hangs, or is not there.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_killed_redis_is_found_again_and_listeners_are_told() {
    for (mode, args) in [
        (BusMode::Broadcast, &[][..]),
        (BusMode::PerTopic, &[][..]),
        (BusMode::PerTopic, &["--rename-command", "HELLO", ""][..]),
    ] {
        let mut server = RedisServer::start(args);
        let mut node = node(&server, "a", mode).await;
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
        server.kill();
        until("the node is not ready", || {
            node.lifecycle.unready().is_some()
        })
        .await;
        until("publishing fails", || {
            let mut publishing = Box::pin(node.bus.publish(draft("t", "0")));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            publishing.as_mut().poll(&mut context)
                == std::task::Poll::Ready(Err(PublishError::Unavailable))
        })
        .await;

        // Asked for while Redis is down, answered when it is back.
        let bus = node.bus.clone();
        let pending = tokio::spawn(async move { bus.subscribe(0, topic("u")).await });
        server.restart();
        assert_eq!(pending.await.expect("no panic"), Ok(()));
        assert_eq!(node.told_of_missed().await, RECONNECTED);
        node.ready().await;
        node.bus.publish(draft("t", "1")).await.expect("published");
        node.bus.publish(draft("u", "2")).await.expect("published");
        assert_eq!(node.payloads(2).await, ["1", "2"]);
        assert_eq!(node.counted("tidegate_bus_reconnects_total"), 1);
    }
}

#[tokio::test]
async fn a_hanging_redis_makes_the_node_unready_and_publishing_fails_fast() {
    let server = RedisServer::start(&[]);
    // Without keep-alive pings only the probe can tell.
    let mut config = settings(&server.url(), BusMode::Broadcast);
    config.ping_interval = Duration::from_secs(60);
    let mut node = Node::start(BusConfig::Redis(config), "a", 1);
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    server.pause();
    let first = node.bus.publish(draft("t", "0")).await;
    assert_eq!(
        first,
        Err(PublishError::Unavailable),
        "not acknowledged in time"
    );
    until("the node is not ready", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    let asked = Instant::now();
    for _ in 0..100 {
        let next = node.bus.publish(draft("t", "0")).await;
        assert_eq!(next, Err(PublishError::Unavailable));
    }
    assert!(
        asked.elapsed() < Duration::from_millis(500),
        "{:?}",
        asked.elapsed()
    );

    server.resume();
    assert_eq!(node.told_of_missed().await, RECOVERED);
    node.ready().await;
    // The publisher's connection may come back after the subscriber's.
    while node.bus.publish(draft("t", "\"after\"")).await.is_err() {
        tokio::task::yield_now().await;
    }
    loop {
        if node.payloads(1).await == ["\"after\""] {
            break;
        }
    }
}

#[tokio::test]
async fn a_hanging_redis_is_found_by_the_keep_alive_and_told_of() {
    let server = RedisServer::start(&[]);
    let mut config = settings(&server.url(), BusMode::PerTopic);
    config.probe_timeout = Duration::from_secs(60);
    let mut node = Node::start(BusConfig::Redis(config), "a", 1);
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    server.pause();
    until("the node is not ready", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    server.resume();
    assert_eq!(node.told_of_missed().await, RECONNECTED);
    node.ready().await;
}

#[tokio::test]
async fn a_redis_that_delivers_nothing_is_not_live_though_it_answers() {
    let server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::Broadcast).await;
    // PUBLISH is acknowledged and reaches nobody: the subscriber is cut and may not come back.
    let mut admin = foreign(&server).await;
    cmd("ACL")
        .arg(&["SETUSER", "default", "-subscribe", "-hello"])
        .exec_async(&mut admin)
        .await
        .expect("acl");
    let killed: usize = cmd("CLIENT")
        .arg(&["KILL", "TYPE", "pubsub"])
        .query_async(&mut admin)
        .await
        .expect("kill");
    assert_eq!(killed, 1);
    until("the node is not ready", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    assert_eq!(node.bus.publish(draft("t", "0")).await, Ok(()));

    cmd("ACL")
        .arg(&["SETUSER", "default", "+subscribe", "+hello"])
        .exec_async(&mut admin)
        .await
        .expect("acl");
    assert_eq!(node.told_of_missed().await, RECONNECTED);
    node.ready().await;
}

#[tokio::test]
async fn without_redis_the_bus_starts_and_waits() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    let config = settings(&server.url(), BusMode::PerTopic);
    let mut node = Node::start(BusConfig::Redis(config), "a", 1);
    assert!(node.lifecycle.unready().is_some());
    assert_eq!(
        node.bus.publish(draft("t", "0")).await,
        Err(PublishError::Unavailable)
    );
    let gave_up =
        tokio::time::timeout(Duration::from_millis(50), node.bus.subscribe(0, topic("t")));
    assert!(
        gave_up.await.is_err(),
        "not acknowledged while Redis is down"
    );

    server.restart();
    node.ready().await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    node.bus.publish(draft("t", "1")).await.expect("published");
    assert_eq!(node.payloads(1).await, ["1"]);
    assert!(
        node.inboxes[0].take_missed().is_empty(),
        "nobody listened before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_never_acknowledged_is_an_error() {
    let config = settings("redis://127.0.0.1:1", BusMode::Broadcast);
    let node = Node::start(BusConfig::Redis(config), "a", 1);
    assert_eq!(
        node.bus.subscribe(0, topic("t")).await,
        Err(SubscribeError::Unavailable)
    );
}
