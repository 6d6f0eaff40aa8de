//! Hooks that wait: an engine of their own, where imports are async, and a pool of instances per
//! plugin on the I/O runtime.

mod admission;
pub(super) mod fetch;
mod instance;
pub(super) mod pool;
mod remembered;
pub(super) mod seat;

use std::sync::Arc;

use tokio::runtime::Handle;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::io::imports::Imports;
use super::compile::Cache;
use super::config::{AdmissionLimits, Grant, PluginConfig, PluginSpec};
use super::engine;
use super::error::PluginError;
use super::imports::HostState;
use super::reach::HttpHost;
use super::settle::Inputs;
use super::ticks::Ticks;
use fetch::Fetcher;
use instance::IoHooks;
use pool::{Parts, Pool};

pub use admission::{IoPlugins, NotAdmitted};

/// Pools that may be full at once: the serving generation's, the one's before it and a
/// candidate's.
const POOLS: u32 = 3;

pub(super) struct IoEngine {
    engine: Engine,
    ticks: Ticks,
    linker: Linker<HostState>,
    fetcher: Fetcher,
    limits: AdmissionLimits,
    runtime: Handle,
}

impl IoEngine {
    /// For one plugin's admissions.
    pub(super) fn new(config: &PluginConfig, runtime: &Handle) -> Result<Self, PluginError> {
        let limits = config.admission_limits;
        let broken = |error: wasmtime::Error| PluginError::Engine(format!("{error:#}"));
        let instances = limits.instances.saturating_mul(POOLS);
        let engine = engine::serving_io(instances, config.memory_bytes)?;
        let ticks = Ticks::start(engine.weak())?;
        let mut linker = Linker::new(&engine);
        Imports::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(broken)?;
        let fetcher = Fetcher::new()
            .map_err(|error| PluginError::Engine(format!("its HTTP client: {error}")))?;
        Ok(Self {
            engine,
            ticks,
            linker,
            fetcher,
            limits,
            runtime: runtime.clone(),
        })
    }

    /// A pool for a candidate, without instances yet.
    pub(super) fn pool(
        &self,
        spec: &PluginSpec,
        cache: &Cache,
        inputs: &Inputs,
        memory_bytes: usize,
    ) -> wasmtime::Result<Arc<Pool>> {
        let component = cache.component(&self.engine, &inputs.component, &inputs.sha256)?;
        let hooks = IoHooks::new(self.linker.instantiate_pre(&component)?)?;
        Ok(Pool::new(Parts {
            name: spec.name.as_str().into(),
            path: spec.component.clone(),
            hooks,
            settings: inputs.settings.clone(),
            memory_bytes,
            ticks: self.ticks.clone(),
            fetcher: self.fetcher.clone(),
            hosts: hosts(&spec.grants).into(),
            limits: self.limits,
            runtime: self.runtime.clone(),
        }))
    }
}

fn hosts(grants: &[Grant]) -> Vec<HttpHost> {
    let hosts = grants.iter().filter_map(|grant| match grant {
        Grant::Http { hosts } => Some(hosts.iter().cloned()),
        Grant::Publisher { .. } => None,
    });
    hosts.flatten().collect()
}
