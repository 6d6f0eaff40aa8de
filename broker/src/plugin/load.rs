//! From settled files to a generation with an instance for each thread that calls it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use wasmtime::Engine;
use wasmtime::component::Linker;

use super::candidate;
use super::claims::{Claims, Wanted};
use super::compile::Cache;
use super::config::{PluginConfig, PluginSpec};
use super::engine;
use super::environment::Environment;
use super::error::{LoadError, PluginError};
use super::generation::{Generation, Parts};
use super::health::Tolerance;
use super::imports::{self, HostState};
use super::instance::{Hooks, Instance};
use super::io::IoEngine;
use super::manifest::Manifest;
use super::meters;
use super::outside::Outside;
use super::remembered::Origin;
use super::settle::Inputs;
use super::ticks::Ticks;

/// Instances of one plugin that may exist at once, per owner: one and a spare of the serving
/// generation and of the one before, one of a candidate, and one of each that waits to be buried.
const INSTANCES_PER_OWNER: u32 = 8;

pub(super) struct Loader {
    engine: Engine,
    ticks: Ticks,
    linker: Linker<HostState>,
    io: Option<IoEngine>,
    cache: Cache,
    environment: Environment,
    workers: usize,
    call_deadline: Duration,
    memory_bytes: usize,
    tolerance: Tolerance,
}

/// A generation and what the owners need to switch to it, in their order.
pub(super) struct Loaded {
    pub(super) generation: Arc<Generation>,
    pub(super) instances: Vec<(usize, Instance)>,
}

impl Loader {
    pub(super) fn new(
        config: &PluginConfig,
        claims: &Claims,
        workers: usize,
        runtime: &Handle,
        outside: Outside,
    ) -> Result<Self, PluginError> {
        let owners = workers + 1;
        let instances = (config.plugins.len() * owners).max(1) as u32;
        let engine = engine::serving(
            instances.saturating_mul(INSTANCES_PER_OWNER),
            config.memory_bytes,
        )?;
        let ticks = Ticks::start(engine.weak())?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(|error| PluginError::Engine(format!("{error:#}")))?;
        let wanted = (0..config.plugins.len()).map(|plugin| claims.wanted(plugin));
        let on_io: Vec<Wanted> = wanted.filter(Wanted::on_io).collect();
        let io = (!on_io.is_empty())
            .then(|| IoEngine::new(config, &on_io, runtime, outside))
            .transpose()?;
        Ok(Self {
            engine,
            ticks,
            linker,
            io,
            environment: config.environment.clone(),
            cache: Cache::new(config.cache.clone()),
            workers,
            call_deadline: config.call_deadline,
            memory_bytes: config.memory_bytes,
            tolerance: Tolerance::new(config),
        })
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
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
        wanted: &Wanted,
        origin: Origin,
        inputs: Inputs,
        on_probation: bool,
    ) -> Result<Loaded, LoadError> {
        let candidate = candidate::inspect(spec, &inputs.component, &wanted.0)?;
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
        let io = self.io.as_ref().filter(|_| wanted.on_io());
        if let Some(io) = io {
            io.declare(spec, &candidate)?;
        }
        let memory_bytes = candidate.manifest.memory_bytes(self.memory_bytes);
        let pool = io
            .map(|io| io.pool(spec, wanted, &candidate, &self.cache, &inputs, memory_bytes))
            .transpose()
            .map_err(refused)?;
        let compiling = begun.elapsed();
        let parts = Parts {
            name: spec.name.as_str().into(),
            origin,
            version: candidate.manifest.version.clone(),
            sha256: inputs.sha256,
            digest: inputs.digest,
            path: spec.component.clone(),
            call_deadline: self.call_deadline,
            retries: candidate.manifest.retries,
            http_methods: http_methods(&candidate.manifest),
            lanes: wanted.lanes(),
            hooks,
            pool,
            settings: inputs.settings,
            memory_bytes,
            ticks: self.ticks.clone(),
        };
        let generation = Generation::new(parts, self.workers + 1, self.tolerance, on_probation);
        let begun = Instant::now();
        let instances = self
            .owners(wanted)
            .map(|owner| Ok((owner, generation.instance(true)?)))
            .collect::<Result<Vec<_>, LoadError>>()?;
        if let Some(pool) = &generation.pool {
            pool.open()?;
        } else if instances.is_empty() {
            // Nobody calls it, but what would not start is told.
            generation.instance(true)?;
        }
        meters::record_load(&spec.name, compiling, begun.elapsed());
        Ok(Loaded {
            generation: Arc::new(generation),
            instances,
        })
    }

    /// Workers first, then the one that maps.
    fn owners(&self, wanted: &Wanted) -> impl Iterator<Item = usize> + use<> {
        let workers = if wanted.on_workers() { self.workers } else { 0 };
        let source = wanted.on_source().then_some(self.workers);
        (0..workers).chain(source)
    }
}

/// Without the name of the plugin, which the settings may have given it anew.
fn http_methods(manifest: &Manifest) -> Vec<String> {
    let methods = manifest.http_methods.iter();
    let own = methods.filter_map(|method| manifest.own_method(method));
    own.map(str::to_owned).collect()
}
