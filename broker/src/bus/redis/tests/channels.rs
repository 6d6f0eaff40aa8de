//! Mode `per-topic`: a channel for each topic, subscribed while somebody listens.

use super::*;

async fn subscribed(server: &RedisServer) -> Vec<String> {
    let mut channels: Vec<String> = cmd("PUBSUB")
        .arg("CHANNELS")
        .arg("tidegate:topic:*")
        .query_async(&mut foreign(server).await)
        .await
        .expect("channels");
    channels.sort();
    channels
}

async fn until_subscribed(server: &RedisServer, expected: &[&str]) {
    let all = async { while subscribed(server).await != expected {} };
    let in_time = tokio::time::timeout(crate::bus::tests::PATIENCE, all).await;
    assert!(
        in_time.is_ok(),
        "{:?} is not {expected:?}",
        subscribed(server).await
    );
}

#[tokio::test]
async fn a_channel_is_subscribed_before_the_answer_and_until_the_last_worker_leaves() {
    let server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::PerTopic).await;
    assert!(subscribed(&server).await.is_empty());
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    assert_eq!(subscribed(&server).await, ["tidegate:topic:t"]);
    node.bus.subscribe(1, topic("t")).await.expect("subscribed");
    node.bus.unsubscribe(0, topic("t"));
    node.bus.unsubscribe(0, topic("t"));
    node.bus.subscribe(0, topic("u")).await.expect("subscribed");
    assert_eq!(
        subscribed(&server).await,
        ["tidegate:topic:t", "tidegate:topic:u"]
    );

    node.bus.publish(draft("t", "1")).await.expect("published");
    assert_eq!(payload(&hear(&mut node.inboxes[1], 1).await[0]), "1");
    node.bus.unsubscribe(1, topic("t"));
    until_subscribed(&server, &["tidegate:topic:u"]).await;
    assert_eq!(node.bus.publish(draft("t", "2")).await, Ok(()));
}

#[tokio::test]
async fn the_shared_channel_is_read_and_never_published_to() {
    let server = RedisServer::start(&[]);
    let mut a = node(&server, "a", BusMode::PerTopic).await;
    let mut b = node(&server, "b", BusMode::PerTopic).await;
    let mut old = node(&server, "old", BusMode::Broadcast).await;
    for node in [&a, &b, &old] {
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    }
    assert_eq!(
        publish(&server, "realtime", r#"{"topic":"t","message":1}"#).await,
        3
    );
    for node in [&mut a, &mut b, &mut old] {
        assert_eq!(node.payloads(1).await, ["1"]);
    }
    a.bus.publish(draft("t", "2")).await.expect("published");
    assert_eq!(a.payloads(1).await, ["2"]);
    assert_eq!(b.payloads(1).await, ["2"]);
    publish(&server, "realtime", r#"{"topic":"t","message":3}"#).await;
    assert_eq!(
        old.payloads(1).await,
        ["3"],
        "2 was not on the shared channel"
    );
}

#[tokio::test]
async fn whoever_is_acknowledged_hears_whatever_races() {
    let server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::PerTopic).await;
    let mut talker = foreign(&server).await;
    for round in 0..300 {
        // The UNSUBSCRIBE of the last round may still be in flight, or not yet sent.
        node.bus.subscribe(0, topic("t")).await.expect("subscribed");
        let reached: usize = cmd("PUBLISH")
            .arg("tidegate:topic:t")
            .arg(format!(r#"{{"topic":"t","message":{round}}}"#))
            .query_async(&mut talker)
            .await
            .expect("published");
        assert_eq!(reached, 1);
        assert_eq!(node.payloads(1).await, [round.to_string()]);
        node.bus.unsubscribe(0, topic("t"));
        if round % 3 == 0 {
            let (first, second) = tokio::join!(
                node.bus.subscribe(1, topic("t")),
                node.bus.subscribe(0, topic("t")),
            );
            assert_eq!((first, second), (Ok(()), Ok(())));
            node.bus.unsubscribe(1, topic("t"));
        }
    }
    node.bus.unsubscribe(0, topic("t"));
    until_subscribed(&server, &[]).await;
}

#[tokio::test]
async fn many_topics_are_subscribed_again_before_anybody_new_is_answered() {
    let mut server = RedisServer::start(&[]);
    let mut node = node(&server, "a", BusMode::PerTopic).await;
    let all = (0..2_500).map(|n| node.bus.subscribe(0, topic(&format!("t:{n}"))));
    let answers = futures_util::future::join_all(all).await;
    assert!(answers.iter().all(Result::is_ok));
    server.kill();
    until("the node is not ready", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    let bus = node.bus.clone();
    let pending = tokio::spawn(async move { bus.subscribe(1, topic("late")).await });
    server.restart();
    pending.await.expect("no panic").expect("subscribed");
    assert_eq!(subscribed(&server).await.len(), 2_501);
    assert_eq!(node.told_of_missed().await, RECONNECTED);
}
