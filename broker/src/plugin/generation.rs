//! One version of a plugin: compiled code, settings, and how it is doing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::bindings::imports::tidegate::types::errors::Error as Refusal;
use super::clock;
use super::deadline::Deadline;
use super::error::LoadError;
use super::health::{Health, Tolerance};
use super::imports::HostState;
use super::instance::{Fault, Hooks, Instance, describe};
use super::remembered::Origin;
use super::settings::Settings;
use super::settle::Sha256;
use super::ticks::Ticks;

pub(super) struct Generation {
    pub(super) name: Arc<str>,
    pub(super) origin: Origin,
    pub(super) version: String,
    pub(super) sha256: Sha256,
    pub(super) digest: Sha256,
    pub(super) path: PathBuf,
    pub(super) call_deadline: Duration,
    pub(super) health: Health,
    hooks: Hooks,
    settings: Arc<Settings>,
    memory_bytes: usize,
    ticks: Ticks,
    /// By worker: what takes the place of an instance that failed.
    spares: Box<[Mutex<Option<Instance>>]>,
}

/// What a generation is made of once its code is compiled.
pub(super) struct Parts {
    pub(super) name: Arc<str>,
    pub(super) origin: Origin,
    pub(super) version: String,
    pub(super) sha256: Sha256,
    pub(super) digest: Sha256,
    pub(super) path: PathBuf,
    pub(super) call_deadline: Duration,
    pub(super) hooks: Hooks,
    pub(super) settings: Arc<Settings>,
    pub(super) memory_bytes: usize,
    pub(super) ticks: Ticks,
}

impl Generation {
    pub(super) fn new(parts: Parts, workers: usize, tolerance: Tolerance, probation: bool) -> Self {
        Self {
            name: parts.name,
            origin: parts.origin,
            version: parts.version,
            sha256: parts.sha256,
            digest: parts.digest,
            path: parts.path,
            call_deadline: parts.call_deadline,
            health: Health::new(tolerance, probation, clock::coarse_ms()),
            hooks: parts.hooks,
            settings: parts.settings,
            memory_bytes: parts.memory_bytes,
            ticks: parts.ticks,
            spares: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// A new instance that has passed `init`, and `self-test` if asked; blocks for as long as
    /// the plugin takes, at most its start deadline of CPU time for each.
    ///
    /// # Errors
    ///
    /// The step that failed or refused, with the plugin's own words or the trap's place.
    pub(super) fn instance(&self, self_test: bool) -> Result<Instance, LoadError> {
        let state = HostState::new(
            self.name.clone(),
            self.settings.clone(),
            self.memory_bytes,
            Deadline::new(self.ticks.clone(), self.call_deadline),
        );
        let mut instance =
            Instance::new(&self.hooks, state).map_err(|error| LoadError::Instantiate {
                path: self.path.clone(),
                cause: describe(&error, None).detail,
            })?;
        self.step("init", instance.init(&self.settings.text))?;
        if self_test {
            self.step("self-test", instance.self_test())?;
        }
        Ok(instance)
    }

    fn step(
        &self,
        step: &'static str,
        answer: Result<Result<(), Refusal>, Fault>,
    ) -> Result<(), LoadError> {
        let path = self.path.clone();
        match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(LoadError::Refused {
                path,
                step,
                code: refusal.code,
                message: refusal.message,
            }),
            Err(fault) => Err(LoadError::Fault {
                path,
                step,
                fault: fault.detail,
            }),
        }
    }

    /// Makes a worker's spare, if it has none.
    pub(super) fn stock(&self, worker: usize) -> Result<(), LoadError> {
        let Some(slot) = self.spares.get(worker) else {
            return Ok(());
        };
        if lock(slot).is_some() {
            return Ok(());
        }
        let spare = self.instance(false)?;
        *lock(slot) = Some(spare);
        Ok(())
    }

    pub(super) fn take_spare(&self, worker: usize) -> Option<Instance> {
        self.spares.get(worker).and_then(|slot| lock(slot).take())
    }
}

fn lock(slot: &Mutex<Option<Instance>>) -> std::sync::MutexGuard<'_, Option<Instance>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
