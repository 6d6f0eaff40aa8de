//! One instance of a plugin in a Store of its own.

use std::time::Duration;

use wasmtime::component::InstancePre;
use wasmtime::{Engine, Store, Trap, WasmBacktrace};

use super::bindings::authorizer::exports::tidegate::authorizer::authorizer::Decision;
use super::bindings::imports::tidegate::types::errors::Error as Refusal;
use super::bindings::mapper::exports::tidegate::mapper::mapper::{Outcome, SourceRecord};
use super::bindings::principals::exports::tidegate::principals::principals::Identity;
use super::bindings::{authorizer, lifecycle, mapper, principals};
use super::deadline::TimedOut;
use super::error::CallError;
use super::imports::{HostState, MemoryLimit};
use super::manifest::Hook;

/// Bytes a guest may have the host copy in one call.
const HOSTCALL_BYTES: usize = 1 << 20;
/// The same for a batch's outcomes; the guest's own memory limit is usually less.
const MAP_BYTES: usize = 64 << 20;
/// CPU time for `init` and `self-test`, which run off the workers.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(1);
/// Frames of a trap's backtrace that are told.
const FRAMES: usize = 5;
const PANIC_MACHINERY: [&str; 5] = [
    "panicking",
    "rust_panic",
    "panic_handler",
    "rust_begin_unwind",
    "__rust_end_short_backtrace",
];

/// The typed exports of a component, looked up once per generation.
pub(super) struct Hooks {
    pub(super) pre: InstancePre<HostState>,
    authorizer: Option<authorizer::AuthorizerHookIndices>,
    principals: Option<principals::PrincipalsHookIndices>,
    mapper: Option<mapper::MapperHookIndices>,
    lifecycle: Option<lifecycle::LifecycleHookIndices>,
}

impl Hooks {
    pub(super) fn new(pre: InstancePre<HostState>, hooks: &[Hook]) -> wasmtime::Result<Self> {
        let has = |hook| hooks.contains(&hook);
        let authorizer = has(Hook::Authorizer)
            .then(|| authorizer::AuthorizerHookIndices::new(&pre))
            .transpose()?;
        let principals = has(Hook::Principals)
            .then(|| principals::PrincipalsHookIndices::new(&pre))
            .transpose()?;
        let mapper = has(Hook::Mapper)
            .then(|| mapper::MapperHookIndices::new(&pre))
            .transpose()?;
        let lifecycle = has(Hook::Lifecycle)
            .then(|| lifecycle::LifecycleHookIndices::new(&pre))
            .transpose()?;
        Ok(Self {
            pre,
            authorizer,
            principals,
            mapper,
            lifecycle,
        })
    }
}

/// Why a call has no answer, for the log and the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: CallError,
    pub(super) detail: String,
}

/// A fault ends the instance: wasmtime lets no component of a Store that trapped be entered
/// again.
pub(super) struct Instance {
    store: Store<HostState>,
    authorizer: Option<authorizer::AuthorizerHook>,
    principals: Option<principals::PrincipalsHook>,
    mapper: Option<mapper::MapperHook>,
    lifecycle: Option<lifecycle::LifecycleHook>,
}

impl Instance {
    /// Instantiates, within the CPU time of a start.
    pub(super) fn new(hooks: &Hooks, state: HostState) -> wasmtime::Result<Self> {
        let mut store = bounded_store(hooks.pre.engine(), state);
        let instance = hooks.pre.instantiate(&mut store)?;
        let authorizer = hooks
            .authorizer
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        let principals = hooks
            .principals
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        let mapper = hooks
            .mapper
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        let lifecycle = hooks
            .lifecycle
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        Ok(Self {
            store,
            authorizer,
            principals,
            mapper,
            lifecycle,
        })
    }

    /// `Ok(Err(_))` is the plugin's own refusal. A plugin without the hook accepts.
    pub(super) fn init(&mut self, settings: &str) -> Result<Result<(), Refusal>, Fault> {
        let Self {
            store, lifecycle, ..
        } = self;
        let Some(hook) = lifecycle else {
            return Ok(Ok(()));
        };
        call(store, START_DEADLINE, |store| {
            hook.tidegate_lifecycle_lifecycle()
                .call_init(store, settings)
        })
    }

    /// `Ok(Err(_))` is the plugin's own refusal. A plugin without the hook accepts.
    pub(super) fn self_test(&mut self) -> Result<Result<(), Refusal>, Fault> {
        let Self {
            store, lifecycle, ..
        } = self;
        let Some(hook) = lifecycle else {
            return Ok(Ok(()));
        };
        call(store, START_DEADLINE, |store| {
            hook.tidegate_lifecycle_lifecycle().call_self_test(store)
        })
    }

    pub(super) fn authorize(
        &mut self,
        deadline: Duration,
        action: u8,
        topic: &str,
        subject: &str,
        scopes: &str,
    ) -> Result<Decision, Fault> {
        let hook = self
            .authorizer
            .as_ref()
            .ok_or_else(|| missing("authorizer"))?;
        let guest = hook.tidegate_authorizer_authorizer();
        call(&mut self.store, deadline, |store| {
            guest.call_authorize(store, action, topic, subject, scopes)
        })
    }

    pub(super) fn principal(
        &mut self,
        deadline: Duration,
        session: &str,
    ) -> Result<Result<Identity, Refusal>, Fault> {
        let hook = self
            .principals
            .as_ref()
            .ok_or_else(|| missing("principals"))?;
        let guest = hook.tidegate_principals_principals();
        call(&mut self.store, deadline, |store| {
            guest.call_principal(store, session)
        })
    }

    pub(super) fn map(
        &mut self,
        deadline: Duration,
        records: &[SourceRecord<'_>],
    ) -> Result<Vec<Outcome>, Fault> {
        let hook = self.mapper.as_ref().ok_or_else(|| missing("mapper"))?;
        let guest = hook.tidegate_mapper_mapper();
        self.store.set_hostcall_fuel(MAP_BYTES);
        call(&mut self.store, deadline, |store| {
            guest.call_map(store, records)
        })
    }
}

/// A Store within the limits that hold on both engines, with the CPU time of a start.
pub(super) fn bounded_store(engine: &Engine, mut state: HostState) -> Store<HostState> {
    state.deadline.start(START_DEADLINE);
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.epoch_deadline_callback(|mut context| context.data_mut().deadline.tick());
    store.set_epoch_deadline(1);
    store
}

/// Before a call: it may use `cpu`, and what the guest logged before is not about it.
pub(super) fn begin(store: &mut Store<HostState>, cpu: Duration) {
    let state = store.data_mut();
    state.deadline.start(cpu);
    state.last_error = None;
    store.set_epoch_deadline(1);
}

pub(super) fn missing(hook: &str) -> Fault {
    Fault {
        kind: CallError::Malformed,
        detail: format!("it has no hook `{hook}`"),
    }
}

fn call<R>(
    store: &mut Store<HostState>,
    deadline: Duration,
    call: impl FnOnce(&mut Store<HostState>) -> wasmtime::Result<R>,
) -> Result<R, Fault> {
    begin(store, deadline);
    call(store).map_err(|error| describe(&error, store.data_mut().last_error.take()))
}

/// What happened, what the guest last said about it, and where in the guest it was.
pub(super) fn describe(error: &wasmtime::Error, last_log: Option<String>) -> Fault {
    let (kind, mut detail) = if let Some(timed_out) = error.downcast_ref::<TimedOut>() {
        (CallError::TimedOut, timed_out.to_string())
    } else if let Some(limit) = error.downcast_ref::<MemoryLimit>() {
        (CallError::Trapped, limit.to_string())
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        (CallError::Trapped, trap.to_string())
    } else if error.is::<WasmBacktrace>() {
        (CallError::Trapped, error.root_cause().to_string())
    } else {
        (CallError::Malformed, format!("malformed answer: {error:#}"))
    };
    if let Some(last) = last_log {
        detail = format!("{detail}; it last logged: {}", last.replace('\n', " "));
    }
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        let frames = trace.frames().iter().filter_map(frame).take(FRAMES);
        let frames: Vec<String> = frames.collect();
        if !frames.is_empty() {
            detail = format!("{detail}; in {}", frames.join(" < "));
        }
    }
    Fault { kind, detail }
}

/// `None` for the machinery of a Rust panic, which hides where it was.
fn frame(frame: &wasmtime::FrameInfo) -> Option<String> {
    let function = match frame.func_name() {
        Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
        None => format!("function {}", frame.func_index()),
    };
    if PANIC_MACHINERY.iter().any(|part| function.contains(part)) {
        return None;
    }
    Some(match frame.module_offset() {
        Some(offset) => format!("{function} (at {offset:#x})"),
        None => function,
    })
}
