//! What the kernel says of this process. Where there is no `/proc` the gauges stay away.

use std::fs;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use metrics::gauge;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

pub(super) fn measure() {
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        gauge!("tidegate_process_open_files").set(entries.count() as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        gauge!("tidegate_process_max_files").set(most as f64);
    }
    if let Some(bytes) = resident_bytes() {
        gauge!("tidegate_process_resident_memory_bytes").set(bytes as f64);
    }
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
    gauge!("tidegate_process_cpu_seconds").set(used);
    gauge!("tidegate_process_start_time_seconds").set(started());
}

fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// `/proc/self` is made when the process is.
fn started() -> f64 {
    static STARTED: OnceLock<f64> = OnceLock::new();
    *STARTED.get_or_init(|| {
        let made = fs::metadata("/proc/self").and_then(|folder| folder.modified());
        let made = made.unwrap_or_else(|_| SystemTime::now());
        made.duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64())
    })
}
