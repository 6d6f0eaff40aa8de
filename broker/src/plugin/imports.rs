//! The host's side of the imports that answer at once. The others are in `unavailable` for the sync
//! engine and in `io` for the I/O engine.

use std::sync::Arc;

use aws_lc_rs::rand;
use rustix::time::{ClockId, clock_gettime};
use wasmtime::ResourceLimiter;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::imports::tidegate;
use super::clock;
use super::deadline::Deadline;
use super::io::reach::Reach;
use super::settings::Settings;

/// Random bytes one call may ask for (`wit/deps/random`).
const RANDOM_BYTES: u32 = 4_096;
/// A log line is cut off here; a plugin that logs a document means no harm.
const LOG_BYTES: usize = 4_096;
/// Log lines an instance may write at once, and how many it regains in a second.
const LOG_BURST: u64 = 100;
const LOG_PER_SECOND: u64 = 20;
/// More tables than a toolchain makes cost memory that no other limit counts.
const TABLE_ELEMENTS: usize = 100_000;

/// What one Store owns.
pub(super) struct HostState {
    plugin: Arc<str>,
    settings: Arc<Settings>,
    memory_bytes: usize,
    pub(super) deadline: Deadline,
    /// `None` on the sync engine.
    pub(super) reach: Option<Reach>,
    log: LogBudget,
    /// The last line it logged as an error; a guest's panic says there where it was.
    pub(super) last_error: Option<String>,
}

impl HostState {
    pub(super) fn new(
        plugin: Arc<str>,
        settings: Arc<Settings>,
        memory_bytes: usize,
        deadline: Deadline,
    ) -> Self {
        Self {
            plugin,
            settings,
            memory_bytes,
            deadline,
            reach: None,
            log: LogBudget::new(clock::coarse_ms()),
            last_error: None,
        }
    }

    /// For the imports of the I/O engine.
    pub(super) fn reach_of(&mut self, import: &str) -> wasmtime::Result<&mut Reach> {
        let reach = self.reach.as_mut();
        reach.ok_or_else(|| wasmtime::Error::msg(format!("this instance has no {import}")))
    }
}

/// All imports of `wit/plugin.wit`; which of them a component may use was checked before.
pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    super::bindings::imports::Imports::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// A guest wanted more memory than it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("wanted {wanted} bytes of memory, its limit is {limit}")]
pub(super) struct MemoryLimit {
    pub(super) wanted: usize,
    pub(super) limit: usize,
}

impl ResourceLimiter for HostState {
    fn memory_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if wanted > self.memory_bytes {
            // A trap tells who asked for it; a failed growth would show as the guest's own
            // panic somewhere else.
            return Err(wasmtime::Error::new(MemoryLimit {
                wanted,
                limit: self.memory_bytes,
            }));
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(wanted <= TABLE_ELEMENTS)
    }
}

impl tidegate::types::errors::Host for HostState {}

impl tidegate::log::log::Host for HostState {
    fn log(&mut self, level: u8, mut message: String) -> wasmtime::Result<()> {
        message.truncate(message.floor_char_boundary(LOG_BYTES));
        if level == 0 {
            self.last_error = Some(message.clone());
        }
        let plugin = &*self.plugin;
        match self.log.take(clock::coarse_ms()) {
            Allowance::Refused => return Ok(()),
            Allowance::Granted { dropped: 0 } => {}
            Allowance::Granted { dropped } => {
                tracing::warn!(plugin, dropped, "plugin logs too much: lines were dropped");
            }
        }
        match level {
            0 => tracing::error!(plugin, "{message}"),
            1 => tracing::warn!(plugin, "{message}"),
            2 => tracing::info!(plugin, "{message}"),
            3 => tracing::debug!(plugin, "{message}"),
            _ => tracing::trace!(plugin, "{message}"),
        }
        Ok(())
    }
}

impl tidegate::settings::settings::Host for HostState {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        Ok(self.settings.get(&name).cloned())
    }
}

impl tidegate::clock::clock::Host for HostState {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        Ok(clock::since_1970().as_millis() as u64)
    }

    fn monotonic_ns(&mut self) -> wasmtime::Result<u64> {
        let now = clock_gettime(ClockId::Monotonic);
        Ok(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }
}

impl tidegate::random::random::Host for HostState {
    fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        if length > RANDOM_BYTES {
            wasmtime::bail!("asked for {length} random bytes, at most {RANDOM_BYTES} a call");
        }
        let mut bytes = vec![0; length as usize];
        fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u64(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

fn fill(bytes: &mut [u8]) -> wasmtime::Result<()> {
    rand::fill(bytes).map_err(|_| wasmtime::Error::msg("the system has no random bytes"))
}

/// A token bucket over log lines.
struct LogBudget {
    lines: u64,
    dropped: u64,
    refilled_ms: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Allowance {
    Granted { dropped: u64 },
    Refused,
}

impl LogBudget {
    fn new(now_ms: u64) -> Self {
        Self {
            lines: LOG_BURST,
            dropped: 0,
            refilled_ms: now_ms,
        }
    }

    fn take(&mut self, now_ms: u64) -> Allowance {
        let regained = now_ms.saturating_sub(self.refilled_ms) * LOG_PER_SECOND / 1_000;
        if regained > 0 {
            self.lines = LOG_BURST.min(self.lines + regained);
            self.refilled_ms = now_ms;
        }
        if self.lines == 0 {
            self.dropped += 1;
            return Allowance::Refused;
        }
        self.lines -= 1;
        Allowance::Granted {
            dropped: std::mem::take(&mut self.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_logs_too_much_is_cut_off_and_told_on() {
        let mut budget = LogBudget::new(0);
        for _ in 0..LOG_BURST {
            assert_eq!(budget.take(10), Allowance::Granted { dropped: 0 });
        }
        assert_eq!(budget.take(10), Allowance::Refused);
        assert_eq!(budget.take(49), Allowance::Refused);
        assert_eq!(budget.take(51), Allowance::Granted { dropped: 2 });
        assert_eq!(budget.take(51), Allowance::Refused);
    }
}
