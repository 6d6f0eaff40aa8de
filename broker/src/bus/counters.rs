//! What the bus counts. Handles are made once; a message costs an atomic addition.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

#[derive(Clone)]
pub struct Counters {
    pub published: Counter,
    pub received: Counter,
    pub delivered: Counter,
    pub unheard: Counter,
    pub inbox_full: Counter,
    pub queue_full: Counter,
    pub refused_overloaded: Counter,
    pub refused_unavailable: Counter,
    pub duplicates: Counter,
    pub malformed: Counter,
    pub reconnects: Counter,
    pub live: Gauge,
    pub topics: Gauge,
    pub probe_seconds: Histogram,
}

impl Counters {
    pub fn new() -> Self {
        let dropped =
            |reason: &'static str| counter!("tidegate_bus_dropped_total", "reason" => reason);
        let refused =
            |reason: &'static str| counter!("tidegate_bus_refused_total", "reason" => reason);
        Self {
            published: counter!("tidegate_bus_published_total"),
            received: counter!("tidegate_bus_received_total"),
            delivered: counter!("tidegate_bus_delivered_total"),
            unheard: counter!("tidegate_bus_unheard_total"),
            inbox_full: dropped("inbox_full"),
            queue_full: dropped("queue_full"),
            refused_overloaded: refused("overloaded"),
            refused_unavailable: refused("unavailable"),
            duplicates: counter!("tidegate_bus_duplicates_total"),
            malformed: counter!("tidegate_bus_malformed_total"),
            reconnects: counter!("tidegate_bus_reconnects_total"),
            live: gauge!("tidegate_bus_live"),
            topics: gauge!("tidegate_bus_topics"),
            probe_seconds: histogram!("tidegate_bus_probe_seconds"),
        }
    }
}

/// Describes the bus's metrics; called once at start.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "tidegate_bus_published_total",
        "Publications of this node that the bus took"
    );
    describe_counter!(
        "tidegate_bus_received_total",
        "Publications that reached this node, its own too"
    );
    describe_counter!(
        "tidegate_bus_delivered_total",
        "Publications put into a worker's inbox"
    );
    describe_counter!(
        "tidegate_bus_unheard_total",
        "Publications that reached this node while nobody on it listened to their topic"
    );
    describe_counter!(
        "tidegate_bus_dropped_total",
        "Publications lost at a full queue, by reason"
    );
    describe_counter!(
        "tidegate_bus_refused_total",
        "Publications of this node that the bus refused, by reason"
    );
    describe_counter!(
        "tidegate_bus_duplicates_total",
        "Publications dropped because their id was seen in the last minute"
    );
    describe_counter!(
        "tidegate_bus_malformed_total",
        "Messages on Redis that are no publication"
    );
    describe_counter!(
        "tidegate_bus_reconnects_total",
        "Subscriptions to Redis that were made again"
    );
    describe_gauge!(
        "tidegate_bus_live",
        "1 while the bus hears its own publications"
    );
    describe_gauge!(
        "tidegate_bus_topics",
        "Topics that a worker of this node listens to"
    );
    describe_histogram!(
        "tidegate_bus_probe_seconds",
        Unit::Seconds,
        "From publishing a probe to hearing it"
    );
}
