//! Hooks that wait: an engine of their own, where imports are async, and a pool of instances per
//! plugin on the I/O runtime.

mod admission;
mod answers;
mod fetch;
mod handler;
mod instance;
pub(super) mod pool;
mod progress;
mod publish;
pub(super) mod reach;
mod remembered;
pub(super) mod seat;
mod sessions;
mod tables;
mod transport;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::io::imports::Imports;
use super::candidate::Candidate;
use super::claims::Wanted;
use super::compile::Cache;
use super::config::{AdmissionLimits, Grant, HandlerLimits, PluginConfig, PluginSpec};
use super::engine;
use super::error::{LoadError, PluginError};
use super::imports::HostState;
use super::manifest::Hook;
use super::outside::Outside;
use super::settle::Inputs;
use super::ticks::Ticks;
use fetch::Fetcher;
use instance::IoHooks;
use pool::{Limits, Parts, Pool};
use reach::Granted;
use seat::IoSeat;

pub use admission::NotAdmitted;
pub use handler::{Call, CallRefused, Called, Caller};
pub use sessions::CookieChange;
pub use transport::Transport;

/// Pools of one plugin that may be full at once: the serving generation's, the one's before it and
/// a candidate's.
const POOLS: u32 = 3;

/// Asks hooks that wait. A clone is the same; any thread may ask.
#[derive(Clone)]
pub struct IoPlugins(Arc<Asked>);

struct Asked {
    runtime: Handle,
    /// `None` = everybody is admitted.
    admission: Option<Arc<admission::Gate>>,
    /// By the plugin's name.
    handlers: HashMap<Box<str>, Arc<handler::Handler>>,
    /// Those under way.
    calls: TaskTracker,
}

impl IoPlugins {
    pub(super) fn new(
        runtime: &Handle,
        config: &PluginConfig,
        admission: Option<Arc<IoSeat>>,
        handlers: impl IntoIterator<Item = (String, Arc<IoSeat>)>,
    ) -> Self {
        let admits = |seat| Arc::new(admission::Gate::new(seat, config.admission_limits));
        let handles = |(name, seat): (String, _)| {
            let handler = handler::Handler::new(&name, seat, config.handler_limits);
            (name.into(), Arc::new(handler))
        };
        Self(Arc::new(Asked {
            runtime: runtime.clone(),
            admission: admission.map(admits),
            handlers: handlers.into_iter().map(handles).collect(),
            calls: TaskTracker::new(),
        }))
    }
}

pub(super) struct IoEngine {
    engine: Engine,
    ticks: Ticks,
    linker: Linker<HostState>,
    fetcher: Fetcher,
    admission: AdmissionLimits,
    handler: HandlerLimits,
    outside: Arc<Outside>,
    runtime: Handle,
}

impl IoEngine {
    /// `wanted` are the plugins that have hooks here.
    pub(super) fn new<'a>(
        config: &PluginConfig,
        wanted: impl IntoIterator<Item = &'a Wanted>,
        runtime: &Handle,
        outside: Outside,
    ) -> Result<Self, PluginError> {
        let (admission, handler) = (config.admission_limits, config.handler_limits);
        let instances = wanted.into_iter().fold(0_u32, |instances, wanted| {
            let limits = limits(wanted, admission, handler);
            instances.saturating_add(limits.instances().saturating_mul(POOLS))
        });
        let broken = |error: wasmtime::Error| PluginError::Engine(format!("{error:#}"));
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
            admission,
            handler,
            outside: Arc::new(outside),
            runtime: runtime.clone(),
        })
    }

    /// Announces a candidate's tables to the store. Blocks; not on the runtime.
    ///
    /// # Errors
    ///
    /// Another plugin has a table of that name, or it is there with other keys.
    pub(super) fn declare(
        &self,
        spec: &PluginSpec,
        candidate: &Candidate,
    ) -> Result<(), LoadError> {
        let tables = &candidate.manifest.tables;
        if tables.is_empty() {
            return Ok(());
        }
        let refused = |cause: String| LoadError::Tables {
            path: spec.component.clone(),
            tables: tables.iter().map(|table| table.name.clone()).collect(),
            cause,
        };
        let store = self.outside.store.as_ref();
        let store = store.ok_or_else(|| refused("there is no store".into()))?;
        let declared = self.runtime.block_on(store.declare(&spec.name, tables));
        declared.map_err(|error| refused(error.to_string()))
    }

    /// A pool for a candidate, without instances yet.
    pub(super) fn pool(
        &self,
        spec: &PluginSpec,
        wanted: &Wanted,
        candidate: &Candidate,
        cache: &Cache,
        inputs: &Inputs,
        memory_bytes: usize,
    ) -> wasmtime::Result<Arc<Pool>> {
        let component = cache.component(&self.engine, &inputs.component, &inputs.sha256)?;
        let pre = self.linker.instantiate_pre(&component)?;
        let tables = candidate.manifest.tables.iter();
        let granted = Granted {
            fetcher: self.fetcher.clone(),
            hosts: Grant::hosts(&spec.grants),
            topics: Grant::topics(&spec.grants),
            tables: tables.map(|table| table.name.clone()).collect(),
            outside: self.outside.clone(),
            runtime: self.runtime.clone(),
        };
        Ok(Pool::new(Parts {
            name: spec.name.as_str().into(),
            path: spec.component.clone(),
            hooks: IoHooks::new(pre, &candidate.hooks)?,
            settings: inputs.settings.clone(),
            memory_bytes,
            ticks: self.ticks.clone(),
            granted: Arc::new(granted),
            limits: limits(wanted, self.admission, self.handler),
            runtime: self.runtime.clone(),
        }))
    }
}

/// Of the hooks that the settings send calls to.
fn limits(wanted: &Wanted, admission: AdmissionLimits, handler: HandlerLimits) -> Limits {
    Limits {
        admission: wanted.has(Hook::Admission).then_some(admission),
        handler: wanted.has(Hook::Handler).then_some(handler),
    }
}
