//! What a stretch of load cost: the server's CPU, the generator's own, and wall time.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::latency::{Latencies, Percentiles};
use crate::procfs::CpuTimes;

pub struct Meter {
    pid: u32,
    server: CpuTimes,
    generator: CpuTimes,
    started: Instant,
}

/// One server's figures for one stretch of load.
#[derive(Debug, Serialize)]
pub struct Load {
    pub deliveries: u64,
    pub cpu_ns_per_delivery: f64,
    pub deliveries_per_second: f64,
    /// Share of a core.
    pub server_cpu: f64,
    /// Share of a core; near 1 the generator was what limited the rate (not the cost).
    pub generator_cpu: f64,
    pub latency: Percentiles,
    /// Payload bytes of one delivery on the wire.
    pub delivery_bytes: u64,
    /// Deliveries whose number was checked to be the next one.
    pub checked: u64,
}

pub struct Spent {
    pub server: Duration,
    pub generator: Duration,
    pub wall: Duration,
}

impl Meter {
    pub fn start(pid: u32) -> Result<Self> {
        Ok(Self {
            pid,
            server: CpuTimes::of(pid)?,
            generator: CpuTimes::of(std::process::id())?,
            started: Instant::now(),
        })
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn stop(self) -> Result<Spent> {
        let wall = self.started.elapsed();
        let server = CpuTimes::of(self.pid)?.since(&self.server);
        let generator = CpuTimes::of(std::process::id())?.since(&self.generator);
        Ok(Spent {
            server: Duration::from_nanos(server),
            generator: Duration::from_nanos(generator),
            wall,
        })
    }
}

impl Spent {
    pub fn per(&self, count: u64) -> f64 {
        self.server.as_nanos() as f64 / count.max(1) as f64
    }

    pub fn a_second(&self, count: u64) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }

    pub fn server_share(&self) -> f64 {
        self.server.as_secs_f64() / self.wall.as_secs_f64()
    }

    pub fn generator_share(&self) -> f64 {
        self.generator.as_secs_f64() / self.wall.as_secs_f64()
    }

    pub fn load(&self, deliveries: u64, latencies: Latencies, fleet: &crate::fleet::Fleet) -> Load {
        Load {
            deliveries,
            cpu_ns_per_delivery: self.per(deliveries),
            deliveries_per_second: self.a_second(deliveries),
            server_cpu: self.server_share(),
            generator_cpu: self.generator_share(),
            latency: latencies.percentiles(),
            delivery_bytes: fleet.delivery_bytes(),
            checked: fleet.checked(),
        }
    }
}
