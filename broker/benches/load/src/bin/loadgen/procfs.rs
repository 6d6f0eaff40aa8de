//! What the kernel says about a process.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result, anyhow};

/// CPU time of each thread, in nanoseconds (user and system).
pub struct CpuTimes(HashMap<String, u64>);

impl CpuTimes {
    pub fn of(pid: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}/task");
        let threads = fs::read_dir(&folder).with_context(|| folder.clone())?;
        let times = threads.filter_map(|thread| {
            let thread = thread.ok()?;
            // A thread that ends between the two calls has no file any more.
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let spent = text.split_whitespace().next()?.parse().ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), spent))
        });
        Ok(Self(times.collect()))
    }

    /// Nanoseconds that were spent since `earlier`.
    pub fn since(&self, earlier: &CpuTimes) -> u64 {
        self.0
            .iter()
            .map(|(thread, now)| now.saturating_sub(*earlier.0.get(thread).unwrap_or(&0)))
            .sum()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub rss_bytes: u64,
    pub pss_bytes: u64,
}

impl Memory {
    pub fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        let field = |name: &str| {
            text.lines()
                .find_map(|line| {
                    line.strip_prefix(name)?
                        .strip_suffix("kB")?
                        .trim()
                        .parse()
                        .ok()
                })
                .map(|kilobytes: u64| kilobytes * 1024)
                .ok_or_else(|| anyhow!("{path} has no {name}"))
        };
        Ok(Self {
            rss_bytes: field("Rss:")?,
            pss_bytes: field("Pss:")?,
        })
    }
}

/// What a core did since the machine began, in the kernel's ticks.
#[derive(Clone, Copy, Debug)]
pub struct CoreTime {
    core: usize,
    busy: u64,
    idle: u64,
}

impl CoreTime {
    /// Of the core that this thread runs on.
    pub fn here() -> Result<Self> {
        Self::of(rustix::thread::sched_getcpu())
    }

    /// The share of the time since `earlier` in which it did anything, for whomever.
    pub fn busy_since(self, earlier: Self) -> f64 {
        let busy = self.busy.saturating_sub(earlier.busy) as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        busy / (busy + idle).max(1.0)
    }

    pub fn again(self) -> Result<Self> {
        Self::of(self.core)
    }

    fn of(core: usize) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let name = format!("cpu{core} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        let line = line.ok_or_else(|| anyhow!("/proc/stat has no {name}"))?;
        // user nice system idle iowait irq softirq steal; what follows is in user already.
        let ticks = line.split_whitespace().map(str::parse::<u64>);
        let ticks: Vec<u64> = ticks.take(8).collect::<Result<_, _>>()?;
        let idle = ticks.iter().skip(3).take(2).sum();
        Ok(Self {
            core,
            busy: ticks.iter().sum::<u64>().saturating_sub(idle),
            idle,
        })
    }
}
