//! What comes in from Redis, on its way to the bus task: a bounded queue that is never waited for.

use std::sync::Arc;

use bytes::Bytes;
use redis::{Msg, PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tracing::warn;

use crate::bus::counters::Counters;
use crate::bus::queue;

#[derive(Debug)]
pub enum Arrival {
    Publication(Bytes),
    /// Of another node, or of this one.
    Announcement(Bytes),
    Probe(u64),
}

/// The sending side, held by the connection's reader.
#[derive(Clone)]
pub struct Arrivals {
    queue: queue::Sender<Arrival>,
    overflow: Arc<Notify>,
    probe_channel: Arc<str>,
    control_channel: Arc<str>,
    counters: Counters,
}

/// The bus task's side.
pub struct Receiver {
    pub queue: queue::Receiver<Arrival>,
    /// Notified when something was dropped at the full queue.
    pub overflow: Arc<Notify>,
}

pub fn arrivals(
    probe_channel: Arc<str>,
    control_channel: Arc<str>,
    counters: Counters,
) -> (Arrivals, Receiver) {
    let (sender, receiver) = queue::queue(|arrival| match arrival {
        Arrival::Publication(message) | Arrival::Announcement(message) => message.len(),
        Arrival::Probe(_) => 0,
    });
    let overflow = Arc::new(Notify::new());
    (
        Arrivals {
            queue: sender,
            overflow: overflow.clone(),
            probe_channel,
            control_channel,
            counters,
        },
        Receiver {
            queue: receiver,
            overflow,
        },
    )
}

impl Arrivals {
    /// Takes a RESP3 push in; other kinds than messages are not its business.
    pub fn push(&self, push: PushInfo) {
        if !matches!(push.kind, PushKind::Message | PushKind::SMessage) {
            return;
        }
        let mut data = push.data.into_iter();
        if let (Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) =
            (data.next(), data.next())
        {
            self.arrive(&channel, payload);
        }
    }

    /// Takes a RESP2 message in.
    pub fn message(&self, message: &Msg) {
        self.arrive(
            message.get_channel_name().as_bytes(),
            message.get_payload_bytes().to_vec(),
        );
    }

    fn arrive(&self, channel: &[u8], payload: Vec<u8>) {
        let arrival = if channel == self.probe_channel.as_bytes() {
            let number = std::str::from_utf8(&payload)
                .ok()
                .and_then(|n| n.parse().ok());
            Arrival::Probe(number.unwrap_or_default())
        } else if channel == self.control_channel.as_bytes() {
            Arrival::Announcement(Bytes::from(payload))
        } else {
            Arrival::Publication(Bytes::from(payload))
        };
        let is_probe = matches!(arrival, Arrival::Probe(_));
        let is_announcement = matches!(arrival, Arrival::Announcement(_));
        // Closed: the bus has ended, nobody listens.
        if self.queue.try_send(arrival) != Err(queue::Refused::Full) {
            return;
        }
        if is_announcement {
            warn!("an announcement of another node was lost at the bus's full queue");
        }
        if !is_probe {
            self.counters.queue_full.increment(1);
            self.overflow.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn message(kind: PushKind, channel: &str, payload: &str) -> PushInfo {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        PushInfo {
            kind,
            data: vec![bulk(channel), bulk(payload)],
        }
    }

    #[tokio::test]
    async fn pushes_are_sorted_and_what_finds_no_room_is_told() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counters = metrics::with_local_recorder(&recorder, Counters::new);
        let (arrivals, mut receiver) = arrivals("probe".into(), "control".into(), counters);
        arrivals.push(message(PushKind::Subscribe, "realtime", "1"));
        arrivals.push(message(PushKind::Message, "probe", "7"));
        for _ in 0..queue::ITEMS - 1 {
            arrivals.push(message(PushKind::SMessage, "realtime", "x"));
        }
        let mut told = std::pin::pin!(receiver.overflow.notified());
        assert!(!told.as_mut().enable(), "everything found room");
        arrivals.push(message(PushKind::Message, "realtime", "lost"));
        told.await;
        let counted = recorder.handle().render();
        assert!(counted.contains("tidegate_bus_dropped_total{reason=\"queue_full\"} 1"));

        let mut batch = Vec::new();
        receiver.queue.recv_many(&mut batch, 2).await;
        assert!(matches!(&batch[..], [Arrival::Probe(7), Arrival::Publication(x)] if x == "x"));

        receiver.queue.recv_many(&mut batch, queue::ITEMS).await;
        arrivals.push(message(PushKind::Message, "control", "{}"));
        batch.clear();
        receiver.queue.recv_many(&mut batch, 1).await;
        assert!(matches!(&batch[..], [Arrival::Announcement(said)] if said == "{}"));
    }
}
