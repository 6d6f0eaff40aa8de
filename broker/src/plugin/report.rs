//! Who hears of a call that failed: counters, log, status, and the thread that rolls back.

use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError};

use super::error::CallError;
use super::generation::Generation;
use super::health::Consequence;
use super::instance::Fault;
use super::registry::LastError;
use super::reload::Wake;
use super::tally::Tally;

pub(super) struct Reporter {
    pub(super) tally: Arc<Tally>,
    pub(super) last_error: LastError,
    pub(super) control: Sender<Wake>,
}

impl Reporter {
    pub(super) fn report(
        &self,
        generation: &Arc<Generation>,
        fault: &Fault,
        consequence: Consequence,
    ) {
        match fault.kind {
            CallError::TimedOut => self.tally.timeouts.one_of_many(),
            CallError::Malformed => self.tally.malformed.one_of_many(),
            _ => self.tally.traps.one_of_many(),
        }
        let detail = &fault.detail;
        let plugin = &*generation.name;
        let version = &*generation.version;
        let number = generation.origin.generation;
        match consequence {
            Consequence::Counted => {
                tracing::warn!(
                    plugin,
                    version,
                    generation = number,
                    "plugin call failed: {detail}"
                );
            }
            Consequence::Tripped { for_ms } => tracing::error!(
                plugin,
                version,
                generation = number,
                for_ms,
                "plugin tripped, it is not asked for a while: {detail}"
            ),
            Consequence::RolledBack => {
                tracing::error!(
                    plugin,
                    version,
                    generation = number,
                    "plugin call failed: {detail}"
                );
                let _ = self.control.send(Wake::RolledBack(generation.clone()));
            }
        }
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(detail.clone());
    }
}
