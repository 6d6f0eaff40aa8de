//! The bus on its own node, and what the tests of all its kinds share.

use std::time::Duration;

use bytes::Bytes;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::*;
use crate::publication::Publication;

/// Longer than anything on a busy machine takes; a test that waits this long fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn topic(name: &str) -> Topic {
    Topic::parse(name).expect("a topic")
}

pub fn draft(name: &str, payload: &str) -> Draft {
    Draft {
        topic: topic(name),
        event: None,
        id: Box::default(),
        ts: None,
        origin: None,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

/// One node: a bus with inboxes for `workers` workers.
pub struct Node {
    pub bus: Bus,
    pub inboxes: Vec<Inbox>,
    pub lifecycle: Lifecycle,
    pub metrics: PrometheusHandle,
}

impl Node {
    pub fn start(config: BusConfig, id: &str, workers: usize) -> Self {
        Self::with_inboxes_of(config, id, workers, 100_000)
    }

    pub fn with_inboxes_of(config: BusConfig, id: &str, workers: usize, capacity: usize) -> Self {
        let id = id.parse().expect("a node id");
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let (senders, inboxes) = (0..workers).map(|_| inbox(capacity)).unzip();
        let lifecycle = Lifecycle::new();
        lifecycle.set_started();
        let bus = metrics::with_local_recorder(&recorder, || {
            Bus::start(config, &id, senders, lifecycle.clone()).expect("settings")
        });
        Self {
            bus,
            inboxes,
            lifecycle,
            metrics,
        }
    }

    pub async fn ready(&self) {
        until("the node is ready", || self.lifecycle.unready().is_none()).await;
    }

    pub fn counted(&self, metric: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.starts_with(metric));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or(0)
    }

    /// The next `count` publications of worker 0.
    pub async fn hear(&mut self, count: usize) -> Vec<Arc<Publication>> {
        hear(&mut self.inboxes[0], count).await
    }

    /// The payloads of the next `count` publications of worker 0.
    pub async fn payloads(&mut self, count: usize) -> Vec<String> {
        let heard = self.hear(count).await;
        heard
            .iter()
            .map(|publication| payload(publication))
            .collect()
    }

    /// Waits until worker 0 is told that any topic may have been missed.
    pub async fn told_of_missed(&mut self) -> &'static str {
        let inbox = &mut self.inboxes[0];
        let told = async {
            loop {
                let missed = inbox.take_missed();
                if let Some(missed) = missed.iter().find(|missed| missed.topics.is_none()) {
                    return missed.reason;
                }
                inbox.receive(&mut Vec::new(), 1).await;
            }
        };
        tokio::time::timeout(PATIENCE, told)
            .await
            .expect("told of missed publications")
    }
}

pub async fn hear(inbox: &mut Inbox, count: usize) -> Vec<Arc<Publication>> {
    let mut heard = Vec::new();
    let all = async {
        while heard.len() < count {
            let left = count - heard.len();
            assert!(inbox.receive(&mut heard, left).await, "the bus has ended");
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
    assert!(in_time, "heard {} of {count} publications", heard.len());
    heard
}

pub fn payload(publication: &Publication) -> String {
    String::from_utf8_lossy(&publication.draft.payload).into_owned()
}

/// Waits for a condition that nothing announces.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, reached).await.is_ok();
    assert!(in_time, "waited in vain until {what}");
}

#[tokio::test]
async fn a_publication_reaches_each_worker_that_listens_once_and_in_order() {
    let mut node = Node::start(BusConfig::Local, "n", 3);
    for worker in [0, 0, 2] {
        node.bus
            .subscribe(worker, topic("a"))
            .await
            .expect("subscribed");
    }
    for n in 0..1_000 {
        let sent = node.bus.publish(draft("a", &n.to_string())).await;
        assert_eq!(sent, Ok(()));
        node.bus
            .publish(draft("nobody", "0"))
            .await
            .expect("queued");
    }
    let expected: Vec<_> = (0..1_000).map(|n| n.to_string()).collect();
    assert_eq!(node.payloads(1_000).await, expected);
    let ids: Vec<_> = hear(&mut node.inboxes[2], 1_000)
        .await
        .iter()
        .map(|publication| publication.draft.id.clone())
        .collect();
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 26));

    // Worker 1 does not listen: the first thing it hears is what comes after it does.
    node.bus.subscribe(1, topic("a")).await.expect("subscribed");
    node.bus.publish(draft("a", "last")).await.expect("queued");
    assert_eq!(payload(&hear(&mut node.inboxes[1], 1).await[0]), "last");
    assert_eq!(node.counted("tidegate_bus_published_total"), 2_001);
    assert_eq!(node.counted("tidegate_bus_delivered_total"), 2_003);
}

#[tokio::test]
async fn a_second_publication_with_an_id_is_dropped() {
    let mut node = Node::start(BusConfig::Local, "n", 1);
    node.bus.subscribe(0, topic("a")).await.expect("subscribed");
    for (id, text) in [("x", "1"), ("x", "2"), ("y", "3"), ("x", "4")] {
        let mut draft = draft("a", text);
        draft.id = id.into();
        node.bus.publish(draft).await.expect("queued");
    }
    assert_eq!(node.payloads(2).await, ["1", "3"]);
    until("both duplicates are counted", || {
        node.counted("tidegate_bus_duplicates_total") == 2
    })
    .await;
}

#[tokio::test]
async fn after_unsubscribe_nothing_comes_and_subscribing_again_is_heard() {
    let mut node = Node::start(BusConfig::Local, "n", 1);
    node.bus.subscribe(0, topic("a")).await.expect("subscribed");
    node.bus.unsubscribe(0, topic("a"));
    node.bus.subscribe(0, topic("b")).await.expect("subscribed");
    node.bus.publish(draft("a", "1")).await.expect("queued");
    node.bus.publish(draft("b", "2")).await.expect("queued");
    assert_eq!(node.payloads(1).await, ["2"]);
    node.bus.unsubscribe(0, topic("b"));
    node.bus.subscribe(0, topic("b")).await.expect("subscribed");
    node.bus.publish(draft("b", "3")).await.expect("queued");
    assert_eq!(node.payloads(1).await, ["3"]);
}

#[tokio::test]
async fn a_full_inbox_drops_counts_and_tells_which_topic() {
    let mut node = Node::with_inboxes_of(BusConfig::Local, "n", 1, 4);
    node.bus.subscribe(0, topic("a")).await.expect("subscribed");
    for n in 0..10 {
        node.bus
            .publish(draft("a", &n.to_string()))
            .await
            .expect("queued");
    }
    until("six are dropped", || {
        node.counted("tidegate_bus_dropped_total{reason=\"inbox_full\"}") == 6
    })
    .await;
    assert_eq!(node.payloads(4).await, ["0", "1", "2", "3"]);
    let missed = node.inboxes[0].take_missed();
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0].topics, Some(vec![topic("a")]));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    // The bus task shares this test's thread, so it takes nothing until the test waits.
    let node = Node::start(BusConfig::Local, "n", 1);
    let mut refused = 0;
    for _ in 0..queue::ITEMS + 10 {
        let sent = node.bus.publish(draft("a", "1")).await;
        refused += usize::from(sent == Err(PublishError::Overloaded));
    }
    assert_eq!(refused, 10);
    assert_eq!(
        node.counted("tidegate_bus_refused_total{reason=\"overloaded\"}"),
        10
    );
}

#[tokio::test]
async fn when_the_lifecycle_ends_so_does_the_bus() {
    let node = Node::start(BusConfig::Local, "n", 1);
    node.lifecycle.end();
    let answer = node.bus.subscribe(0, topic("a")).await;
    assert_eq!(answer, Err(SubscribeError::Unavailable));
    assert_eq!(
        node.bus.publish(draft("a", "1")).await,
        Err(PublishError::Unavailable)
    );
}
