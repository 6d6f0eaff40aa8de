//! From settled files to a generation with an instance for each worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::Engine;
use wasmtime::component::Linker;

use super::candidate;
use super::compile::Cache;
use super::config::{PluginConfig, PluginSpec};
use super::engine;
use super::error::{LoadError, PluginError};
use super::generation::{Generation, Parts};
use super::health::Tolerance;
use super::imports::{self, HostState};
use super::instance::{Hooks, Instance};
use super::manifest::Hook;
use super::meters;
use super::remembered::Origin;
use super::settle::Inputs;
use super::ticks::Ticks;

/// Instances of one plugin that may exist at once, per worker: one and a spare of the serving
/// generation and of the one before, one of a candidate, and one of each that waits to be buried.
const INSTANCES_PER_WORKER: u32 = 8;

pub(super) struct Loader {
    engine: Engine,
    ticks: Ticks,
    linker: Linker<HostState>,
    cache: Cache,
    workers: usize,
    call_deadline: Duration,
    memory_bytes: usize,
    tolerance: Tolerance,
}

/// A generation and what the workers need to switch to it.
pub(super) struct Loaded {
    pub(super) generation: Arc<Generation>,
    pub(super) instances: Vec<Instance>,
}

impl Loader {
    pub(super) fn new(config: &PluginConfig, workers: usize) -> Result<Self, PluginError> {
        let instances = (config.plugins.len() * workers).max(1) as u32;
        let engine = engine::serving(
            instances.saturating_mul(INSTANCES_PER_WORKER),
            config.memory_bytes,
        )?;
        let ticks = Ticks::start(engine.weak())?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(|error| PluginError::Engine(format!("{error:#}")))?;
        Ok(Self {
            engine,
            ticks,
            linker,
            cache: Cache::new(config.cache.clone()),
            workers,
            call_deadline: config.call_deadline,
            memory_bytes: config.memory_bytes,
            tolerance: Tolerance::new(config),
        })
    }

    /// Checks, compiles, instantiates, initialises and tests. Blocks; runs on a thread that
    /// serves nobody.
    ///
    /// # Errors
    ///
    /// The first step that failed, with everything that step found.
    pub(super) fn load(
        &self,
        spec: &PluginSpec,
        wanted: &[Hook],
        origin: Origin,
        inputs: Inputs,
        on_probation: bool,
    ) -> Result<Loaded, LoadError> {
        let candidate = candidate::inspect(spec, &inputs.component, wanted)?;
        let begun = Instant::now();
        let refused = |error: wasmtime::Error| LoadError::Compile {
            path: spec.component.clone(),
            cause: format!("{error:#}"),
        };
        let component = self
            .cache
            .component(&self.engine, &inputs.component, &inputs.sha256)
            .map_err(refused)?;
        let pre = self.linker.instantiate_pre(&component).map_err(refused)?;
        let hooks = Hooks::new(pre, &candidate.hooks).map_err(refused)?;
        let compiling = begun.elapsed();
        let parts = Parts {
            name: spec.name.as_str().into(),
            origin,
            version: candidate.manifest.version.clone(),
            sha256: inputs.sha256,
            digest: inputs.digest,
            path: spec.component.clone(),
            call_deadline: self.call_deadline,
            hooks,
            settings: inputs.settings,
            memory_bytes: candidate.manifest.memory_bytes(self.memory_bytes),
            ticks: self.ticks.clone(),
        };
        let generation = Generation::new(parts, self.workers, self.tolerance, on_probation);
        let begun = Instant::now();
        let instances = (0..self.workers)
            .map(|_| generation.instance(true))
            .collect::<Result<_, _>>()?;
        meters::record_load(&spec.name, compiling, begun.elapsed());
        Ok(Loaded {
            generation: Arc::new(generation),
            instances,
        })
    }
}
