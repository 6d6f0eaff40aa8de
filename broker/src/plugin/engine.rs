//! The engines: configuration and memory pools. The sync one serves the workers and the mapping
//! thread, the I/O one hooks that wait.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::error::PluginError;

/// Core instances, tables and memories of one component: the shims a toolchain adds included.
const CORE_INSTANCES_PER_COMPONENT: u32 = 16;
const TABLES_PER_COMPONENT: u32 = 8;
const MEMORIES_PER_COMPONENT: u32 = 2;

/// The engine that serves, with slots for `instances` components of at most `memory_bytes` each.
pub(super) fn serving(instances: u32, memory_bytes: usize) -> Result<Engine, PluginError> {
    pooled(pool(instances, memory_bytes))
}

/// The same for the I/O engine, where each call has a stack of its own, to wait on.
pub(super) fn serving_io(instances: u32, memory_bytes: usize) -> Result<Engine, PluginError> {
    let mut pool = pool(instances, memory_bytes);
    pool.total_stacks(instances);
    pooled(pool)
}

fn pooled(pool: PoolingAllocationConfig) -> Result<Engine, PluginError> {
    let mut config = base();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        // The pool reserves address space, of which a container may allow too little.
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no memory pool for plugins: instances are allocated one by one"
            );
            Engine::new(&base()).map_err(|error| PluginError::Engine(format!("{error:#}")))
        }
    }
}

/// An engine that compiles for the serving ones and is thrown away: in wasmtime 48 an engine
/// keeps its compiler's memory for ever.
pub(super) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&base())
}

/// What all engines agree on; code compiled by one runs in the others.
fn base() -> Config {
    let mut config = Config::new();
    // Both cost every call, and no hook needs them: one that waits has an instance to itself.
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
        .max_memory_size(memory_bytes);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serving_engine_has_a_pool() {
        let serving = serving(4, 1 << 20).expect("an engine");
        assert!(serving.pooling_allocator_metrics().is_some());
    }

    #[test]
    fn code_compiled_by_one_runs_in_the_others() {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let compiling = hash(&compiling().expect("an engine"));
        assert_eq!(hash(&serving(4, 1 << 20).expect("an engine")), compiling);
        assert_eq!(hash(&serving_io(4, 1 << 20).expect("an engine")), compiling);
    }
}
