//! Delivery times, kept whole: a few million are a few megabytes.

use std::time::Duration;

use serde::Serialize;

#[derive(Default)]
pub struct Latencies(Vec<u32>);

/// Microseconds from the publisher's write to the listener's read.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    pub p50_us: u32,
    pub p99_us: u32,
    pub max_us: u32,
}

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0
            .push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn percentiles(mut self) -> Percentiles {
        self.0.sort_unstable();
        let at = |share: f64| {
            let last = self.0.len().saturating_sub(1);
            let index = (last as f64 * share).round() as usize;
            self.0.get(index).copied().unwrap_or_default()
        };
        Percentiles {
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: at(1.0),
        }
    }
}
