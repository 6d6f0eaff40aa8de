//! What nodes tell each other beside publications.

use super::cluster::Cluster;
use super::*;
use crate::bus::Announcement;

async fn hear_of(node: &mut Node) -> Announcement {
    let heard = tokio::time::timeout(crate::bus::tests::PATIENCE, node.announced.recv());
    heard.await.expect("an announcement").expect("the bus runs")
}

async fn reaches_both(a: &mut Node, b: &mut Node) {
    let session = Announcement::RevokeSession("s".into());
    let subject = Announcement::RevokeSubject {
        subject: "alice".into(),
        issued_until: 7,
    };
    assert_eq!(a.bus.announce(session.clone()).await, Ok(()));
    assert_eq!(b.bus.announce(subject.clone()).await, Ok(()));
    for node in [a, b] {
        let mut heard = [hear_of(node).await, hear_of(node).await];
        heard.sort_by_key(|one| *one == subject);
        assert_eq!(heard, [session.clone(), subject.clone()]);
    }
}

#[tokio::test]
async fn announcements_reach_every_node_and_garbage_none() {
    for mode in [BusMode::Broadcast, BusMode::PerTopic] {
        let server = RedisServer::start(&[]);
        let (mut a, mut b) = (
            node(&server, "a", mode).await,
            node(&server, "b", mode).await,
        );
        for garbage in ["", "[]", r#"{"of_tomorrow":1}"#, r#"{"revoke_session":1}"#] {
            assert_eq!(publish(&server, "tidegate:control", garbage).await, 2);
        }
        reaches_both(&mut a, &mut b).await;
    }
}

#[tokio::test]
async fn announcements_reach_every_node_of_a_cluster() {
    let cluster = Cluster::start(3, false).await;
    let start = async |id: &str| {
        let config = settings(&cluster.urls(), BusMode::Sharded);
        let node = Node::start(BusConfig::Redis(config), id, 2);
        node.ready().await;
        node
    };
    let (mut a, mut b) = (start("a").await, start("b").await);
    reaches_both(&mut a, &mut b).await;
}

#[tokio::test]
async fn without_redis_an_announcement_fails_at_once() {
    let mut server = RedisServer::start(&[]);
    let node = node(&server, "a", BusMode::Broadcast).await;
    server.kill();
    until("redis is known to be gone", || {
        node.lifecycle.unready().is_some()
    })
    .await;
    let said = Announcement::RevokeSession("s".into());
    assert_eq!(
        node.bus.announce(said).await,
        Err(PublishError::Unavailable)
    );
}
