use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// One worker's counters. Handles are kept, for a look-up by name costs more than a delivery.
pub struct Numbers {
    pub connections: Gauge,
    pub listening: Gauge,
    pub delivered: Counter,
    pub published: Counter,
    pub denied: Counter,
    pub revoked: Counter,
    pub dropped: Counter,
    pub missed: Counter,
    pub slow_consumers: Counter,
    pub write_timeouts: Counter,
}

impl Numbers {
    pub fn new(worker: usize) -> Self {
        let worker = worker.to_string();
        let of = |name: &'static str| counter!(name, "worker" => worker.clone());
        Self {
            connections: gauge!("tidegate_connections", "worker" => worker.clone()),
            listening: gauge!("tidegate_listening_topics", "worker" => worker.clone()),
            delivered: of("tidegate_deliveries_total"),
            published: of("tidegate_client_publications_total"),
            denied: of("tidegate_denied_total"),
            revoked: of("tidegate_revoked_topics_total"),
            dropped: of("tidegate_dropped_publications_total"),
            missed: of("tidegate_missed_notices_total"),
            slow_consumers: of("tidegate_slow_consumers_total"),
            write_timeouts: of("tidegate_write_timeouts_total"),
        }
    }
}

impl Numbers {
    /// Counts the end of a session; not on the path of a message, so looked up by name.
    pub fn disconnected(&self, reason: &'static str) {
        counter!("tidegate_disconnects_total", "reason" => reason).increment(1);
    }
}

pub fn describe_metrics() {
    describe_counter!(
        "tidegate_disconnects_total",
        "Ended sessions, by the reason of the close code; gone = the client left without closing"
    );
    describe_gauge!("tidegate_connections", "Open sessions, by worker");
    describe_gauge!(
        "tidegate_listening_topics",
        "Topics that sessions listen to, summed over the sessions, by worker"
    );
    describe_counter!(
        "tidegate_deliveries_total",
        "Publications put into the outboxes of listeners, one per listener, by worker"
    );
    describe_counter!(
        "tidegate_client_publications_total",
        "Publications taken from clients and from POST /publish, by worker"
    );
    describe_counter!(
        "tidegate_denied_total",
        "LISTENs and PUBLISHes a plugin denied, by worker"
    );
    describe_counter!(
        "tidegate_revoked_topics_total",
        "Topics taken from listeners because a token expired or was revoked, or a plugin denies them now"
    );
    describe_counter!(
        "tidegate_dropped_publications_total",
        "Publications dropped from the outbox of a slow consumer by its topic's policy"
    );
    describe_counter!(
        "tidegate_missed_notices_total",
        "Listeners told (or made to reconnect) because publications may have been missed"
    );
    describe_counter!(
        "tidegate_slow_consumers_total",
        "Connections closed because their outbox was full"
    );
    describe_counter!(
        "tidegate_write_timeouts_total",
        "Connections given up because their client took no byte for the write timeout"
    );
}
