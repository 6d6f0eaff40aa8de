//! The sync engine: configuration, memory pool and the clock that interrupts guests.

use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use super::error::PluginError;

/// How often a running guest looks up whether its CPU time is used up.
const TICK: Duration = Duration::from_millis(1);

/// Core instances, tables and memories of one component: the shims a toolchain adds included.
const CORE_INSTANCES_PER_COMPONENT: u32 = 16;
const TABLES_PER_COMPONENT: u32 = 8;
const MEMORIES_PER_COMPONENT: u32 = 2;

/// Resident memory that a slot keeps for its next instance.
const KEEP_RESIDENT: usize = 1 << 20;

/// The engine that serves, with slots for `instances` components of at most `memory_bytes` each.
/// Its clock ticks on a thread of its own and ends with it.
pub(super) fn serving(instances: u32, memory_bytes: usize) -> Result<Engine, PluginError> {
    let mut config = base();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
        instances,
        memory_bytes,
    )));
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        // The pool reserves address space, of which a container may allow too little.
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no memory pool for plugins: instances are allocated one by one"
            );
            Engine::new(&base()).map_err(|error| PluginError::Engine(format!("{error:#}")))?
        }
    };
    start_ticker(engine.weak())?;
    Ok(engine)
}

/// An engine that compiles for the serving one and is thrown away: in wasmtime 48 an engine
/// keeps its compiler's memory for ever.
pub(super) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&base())
}

/// What both engines agree on; code compiled by one runs in the other.
fn base() -> Config {
    let mut config = Config::new();
    // Both cost every call, and no sync hook can use them.
    config.concurrency_support(false);
    config.consume_fuel(false);
    config.epoch_interruption(true);
    config.wasm_component_model(true);
    config
}

fn pool(instances: u32, memory_bytes: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .total_tables(instances.saturating_mul(TABLES_PER_COMPONENT))
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .total_memories(instances.saturating_mul(MEMORIES_PER_COMPONENT))
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .total_stacks(0)
        .max_memory_size(memory_bytes)
        .max_unused_warm_slots(instances)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

fn start_ticker(engine: EngineWeak) -> Result<(), PluginError> {
    const NAME: &str = "plugin-ticks";
    std::thread::Builder::new()
        .name(NAME.into())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map_err(|source| PluginError::Thread { name: NAME, source })?;
    Ok(())
}
