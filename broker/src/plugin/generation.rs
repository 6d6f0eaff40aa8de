//! One version of a plugin: compiled code, settings, and how it is doing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::bindings::imports::tidegate::types::errors::Error as Refusal;
use super::clock;
use super::deadline::Deadline;
use super::error::LoadError;
use super::health::{Health, Phase, Tolerance};
use super::imports::HostState;
use super::instance::{Fault, Hooks, Instance, describe};
use super::io::pool::Pool;
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
    /// How often a record is tried again.
    pub(super) retries: u32,
    /// Instances of the I/O engine, if a hook there is asked for.
    pub(super) pool: Option<Arc<Pool>>,
    /// Methods that are called over HTTP only, without the plugin's name.
    http_methods: Vec<String>,
    lanes: [Health; 3],
    hooks: Hooks,
    settings: Arc<Settings>,
    memory_bytes: usize,
    ticks: Ticks,
    /// By owner: what takes the place of an instance that failed.
    spares: Box<[Mutex<Option<Instance>>]>,
}

/// Where calls come from. Each lane has a health of its own: records that make a mapper trap
/// stop no authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Worker,
    Source,
    Io,
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
    pub(super) retries: u32,
    pub(super) http_methods: Vec<String>,
    /// Where it is called.
    pub(super) lanes: Vec<Lane>,
    pub(super) hooks: Hooks,
    pub(super) pool: Option<Arc<Pool>>,
    pub(super) settings: Arc<Settings>,
    pub(super) memory_bytes: usize,
    pub(super) ticks: Ticks,
}

impl Generation {
    pub(super) fn new(parts: Parts, owners: usize, tolerance: Tolerance, probation: bool) -> Self {
        let now_ms = clock::coarse_ms();
        // A lane that nobody takes has nothing to prove.
        let health = |lane| {
            let on_probation = probation && parts.lanes.contains(&lane);
            Health::new(tolerance, on_probation, now_ms)
        };
        Self {
            name: parts.name,
            origin: parts.origin,
            version: parts.version,
            sha256: parts.sha256,
            digest: parts.digest,
            path: parts.path,
            call_deadline: parts.call_deadline,
            retries: parts.retries,
            pool: parts.pool,
            http_methods: parts.http_methods,
            lanes: [health(Lane::Worker), health(Lane::Source), health(Lane::Io)],
            hooks: parts.hooks,
            settings: parts.settings,
            memory_bytes: parts.memory_bytes,
            ticks: parts.ticks,
            spares: (0..owners).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn health(&self, lane: Lane) -> &Health {
        let [worker, source, io] = &self.lanes;
        match lane {
            Lane::Worker => worker,
            Lane::Source => source,
            Lane::Io => io,
        }
    }

    /// Whether a method, named without the plugin, is called over HTTP only.
    pub(super) fn is_http_only(&self, method: &str) -> bool {
        self.http_methods.iter().any(|name| name == method)
    }

    /// Of all lanes: it fails probation where one does, and passes where all do.
    pub(super) fn phase(&self) -> Phase {
        let is = |phase| self.lanes.iter().any(|health| health.phase() == phase);
        if is(Phase::RolledBack) {
            Phase::RolledBack
        } else if is(Phase::Probation) {
            Phase::Probation
        } else {
            Phase::Serving
        }
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.lanes.iter().any(Health::is_tripped)
    }

    /// Ends what of its probation is over by time.
    pub(super) fn try_promote(&self, now_ms: u64) {
        for health in &self.lanes {
            health.try_promote(now_ms);
        }
    }

    /// Ends the probation now, because another generation takes over; it may have failed before.
    pub(super) fn conclude(&self) -> Phase {
        for health in &self.lanes {
            health.conclude();
        }
        self.phase()
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
        step(&self.path, "init", instance.init(&self.settings.text))?;
        if self_test {
            step(&self.path, "self-test", instance.self_test())?;
        }
        Ok(instance)
    }

    /// Makes an owner's spare, if it has none.
    pub(super) fn stock(&self, owner: usize) -> Result<(), LoadError> {
        let Some(slot) = self.spares.get(owner) else {
            return Ok(());
        };
        if lock(slot).is_some() {
            return Ok(());
        }
        let spare = self.instance(false)?;
        *lock(slot) = Some(spare);
        Ok(())
    }

    pub(super) fn take_spare(&self, owner: usize) -> Option<Instance> {
        self.spares.get(owner).and_then(|slot| lock(slot).take())
    }
}

/// What a step of a start came to.
pub(super) fn step(
    path: &Path,
    step: &'static str,
    answer: Result<Result<(), Refusal>, Fault>,
) -> Result<(), LoadError> {
    let path = path.to_owned();
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

fn lock(slot: &Mutex<Option<Instance>>) -> std::sync::MutexGuard<'_, Option<Instance>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
