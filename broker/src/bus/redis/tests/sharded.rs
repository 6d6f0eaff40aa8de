//! Mode `sharded`: `SSUBSCRIBE` on a cluster.

use super::cluster::{Cluster, ask, until_says};
use super::*;

/// Enough topics that each of three masters has some.
const TOPICS: usize = 24;

async fn cluster_node(cluster: &Cluster, id: &str) -> Node {
    let config = settings(&cluster.urls(), BusMode::Sharded);
    let node = Node::start(BusConfig::Redis(config), id, 2);
    node.ready().await;
    node
}

async fn subscribe_all(node: &Node) {
    for n in 0..TOPICS {
        let subscribed = node.bus.subscribe(0, topic(&format!("t:{n}"))).await;
        assert_eq!(subscribed, Ok(()));
    }
}

#[tokio::test]
async fn topics_of_all_shards_are_heard_in_order_on_all_nodes() {
    let cluster = Cluster::start(3, false).await;
    let mut a = cluster_node(&cluster, "a").await;
    let mut b = cluster_node(&cluster, "b").await;
    subscribe_all(&a).await;
    subscribe_all(&b).await;
    for master in &cluster.masters {
        let channels: Vec<String> = ask(
            master,
            cmd("PUBSUB").arg("SHARDCHANNELS").arg("tidegate:topic:*"),
        )
        .await;
        assert!(!channels.is_empty(), "each master has some");
    }
    let all = (0..TOPICS * 20).map(|n| {
        let topic = format!("t:{}", n % TOPICS);
        let bus = a.bus.clone();
        async move { bus.publish(draft(&topic, &n.to_string())).await }
    });
    let published = futures_util::future::join_all(all).await;
    assert!(published.iter().all(Result::is_ok));
    for node in [&mut a, &mut b] {
        let heard = node.hear(TOPICS * 20).await;
        for n in 0..TOPICS {
            let name = topic(&format!("t:{n}"));
            let mine = heard
                .iter()
                .filter(|publication| *publication.topic() == name);
            let sent = (0..20).map(|round| (round * TOPICS + n).to_string());
            assert!(mine.map(|publication| payload(publication)).eq(sent));
        }
    }

    a.bus.unsubscribe(0, topic("t:0"));
    a.bus.subscribe(0, topic("t:0")).await.expect("subscribed");
    let shared = r#"{"topic":"t:0","message":"shared"}"#;
    let _: usize = ask(
        &cluster.masters[2],
        cmd("PUBLISH").arg("realtime").arg(shared),
    )
    .await;
    assert_eq!(a.payloads(1).await, ["\"shared\""]);
    assert_eq!(b.payloads(1).await, ["\"shared\""]);
    assert_eq!(
        a.counted("tidegate_bus_reconnects_total"),
        0,
        "leaving is no loss"
    );
}

#[tokio::test]
async fn a_killed_masters_replica_is_found() {
    let mut cluster = Cluster::start(3, true).await;
    let node = cluster_node(&cluster, "a").await;
    subscribe_all(&node).await;
    cluster.masters[1].kill();
    after_failover(node).await;
}

#[tokio::test]
async fn a_hanging_masters_replica_is_found_whichever_shard_the_probe_is_on() {
    let cluster = Cluster::start(3, true).await;
    for hanging in &cluster.masters[..2] {
        let node = cluster_node(&cluster, "a").await;
        subscribe_all(&node).await;
        hanging.pause();
        after_failover(node).await;
        hanging.resume();
        // Until it has learnt that it was replaced it tells the next node of slots it has lost.
        let role = cmd("INFO").arg("replication").to_owned();
        until_says(hanging, &role, "role:slave").await;
        until_says(hanging, &role, "master_link_status:up").await;
    }
}

async fn after_failover(mut node: Node) {
    assert_eq!(node.told_of_missed().await, RECONNECTED);
    node.ready().await;
    for n in 0..TOPICS {
        until_heard(&mut node, &format!("t:{n}"), &n.to_string()).await;
    }
}

/// Publishes until it is heard. That it takes more than once is right in two cases only: the
/// publisher learns of the new master later than the subscriber and is refused, or the node is
/// told again that it may have missed something (a cluster may move slots more than once).
async fn until_heard(node: &mut Node, name: &str, text: &str) {
    loop {
        while node.bus.publish(draft(name, text)).await.is_err() {
            tokio::task::yield_now().await;
        }
        if node.hears(text).await {
            return;
        }
        node.ready().await;
    }
}

#[tokio::test]
async fn a_slot_that_moves_takes_its_listeners_along() {
    let cluster = Cluster::start(3, false).await;
    let mut node = cluster_node(&cluster, "a").await;
    node.bus.subscribe(0, topic("t")).await.expect("subscribed");
    let slot: usize = ask(
        &cluster.masters[0],
        cmd("CLUSTER").arg("KEYSLOT").arg("tidegate:topic:t"),
    )
    .await;
    let owner = slot / (16_384 / 3);
    let to: String = ask(
        &cluster.masters[(owner + 1) % 3],
        cmd("CLUSTER").arg("MYID"),
    )
    .await;
    for at in [(owner + 1) % 3, owner, (owner + 2) % 3] {
        let assign = cmd("CLUSTER")
            .arg("SETSLOT")
            .arg(slot)
            .arg("NODE")
            .arg(&to)
            .to_owned();
        ask::<()>(&cluster.masters[at], &assign).await;
    }
    assert_eq!(node.told_of_missed().await, RECONNECTED);
    until_heard(&mut node, "t", "1").await;
}
