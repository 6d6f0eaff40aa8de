//! One instance on the I/O engine, in a Store of its own.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use crate::plugin::bindings::admission;
use crate::plugin::bindings::admission::exports::tidegate::admission::admission::Verdict;
use crate::plugin::bindings::imports::tidegate::types::errors::Error as Refusal;
use crate::plugin::bindings::io::lifecycle;
use crate::plugin::error::CallError;
use crate::plugin::imports::HostState;
use crate::plugin::instance::{self, Fault, START_DEADLINE, bounded_store, describe};

/// Wall time for `init` and for `self-test`, which may wait too.
const START_TIME: Duration = Duration::from_secs(5);

/// The typed exports of a component, looked up once per generation.
pub(in crate::plugin) struct IoHooks {
    pre: InstancePre<HostState>,
    admission: admission::AdmissionHookIndices,
    lifecycle: Option<lifecycle::LifecycleHookIndices>,
}

impl IoHooks {
    /// A plugin need not have a lifecycle.
    pub(super) fn new(pre: InstancePre<HostState>) -> wasmtime::Result<Self> {
        Ok(Self {
            admission: admission::AdmissionHookIndices::new(&pre)?,
            lifecycle: lifecycle::LifecycleHookIndices::new(&pre).ok(),
            pre,
        })
    }
}

/// What one call may use.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    pub(super) cpu: Duration,
    /// Wall time: what the plugin waits for included.
    pub(super) until: Instant,
}

impl Budget {
    fn of_a_start() -> Self {
        Self {
            cpu: START_DEADLINE,
            until: Instant::now() + START_TIME,
        }
    }
}

/// A fault ends the instance, and so does dropping a call under way.
pub(in crate::plugin) struct IoInstance {
    store: Store<HostState>,
    admission: admission::AdmissionHook,
    lifecycle: Option<lifecycle::LifecycleHook>,
}

impl IoInstance {
    /// Instantiates, within the CPU time of a start.
    pub(super) async fn new(hooks: &IoHooks, state: HostState) -> wasmtime::Result<Self> {
        let mut store = bounded_store(hooks.pre.engine(), state);
        let instance = hooks.pre.instantiate_async(&mut store).await?;
        let admission = hooks.admission.load(&mut store, &instance)?;
        let lifecycle = hooks
            .lifecycle
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        Ok(Self {
            store,
            admission,
            lifecycle,
        })
    }

    /// `Ok(Err(_))` is the plugin's own refusal. A plugin without the hook accepts.
    pub(super) async fn init(&mut self, settings: &str) -> Result<Result<(), Refusal>, Fault> {
        let Self {
            store, lifecycle, ..
        } = self;
        let Some(hook) = lifecycle else {
            return Ok(Ok(()));
        };
        let budget = begin(store, Budget::of_a_start());
        let call = hook
            .tidegate_lifecycle_lifecycle()
            .call_init(&mut *store, settings);
        let answer = timeout_at(budget.until, call).await;
        end(store, START_TIME, answer)
    }

    /// `Ok(Err(_))` is the plugin's own refusal. A plugin without the hook accepts.
    pub(super) async fn self_test(&mut self) -> Result<Result<(), Refusal>, Fault> {
        let Self {
            store, lifecycle, ..
        } = self;
        let Some(hook) = lifecycle else {
            return Ok(Ok(()));
        };
        let budget = begin(store, Budget::of_a_start());
        let call = hook
            .tidegate_lifecycle_lifecycle()
            .call_self_test(&mut *store);
        let answer = timeout_at(budget.until, call).await;
        end(store, START_TIME, answer)
    }

    pub(super) async fn admit(
        &mut self,
        budget: Budget,
        subject: &str,
        scopes: &str,
        transport: &str,
    ) -> Result<Result<Verdict, Refusal>, Fault> {
        let Self {
            store, admission, ..
        } = self;
        let begun = Instant::now();
        let budget = begin(store, budget);
        let call = admission.tidegate_admission_admission().call_admit(
            &mut *store,
            subject,
            scopes,
            transport,
        );
        let answer = timeout_at(budget.until, call).await;
        end(store, begun.elapsed(), answer)
    }
}

fn begin(store: &mut Store<HostState>, budget: Budget) -> Budget {
    instance::begin(store, budget.cpu);
    if let Some(reach) = &mut store.data_mut().reach {
        reach.until = budget.until;
    }
    budget
}

fn end<R>(
    store: &mut Store<HostState>,
    waited: Duration,
    answer: Result<wasmtime::Result<R>, tokio::time::error::Elapsed>,
) -> Result<R, Fault> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(describe(&error, store.data_mut().last_error.take())),
        Err(_) => Err(Fault {
            kind: CallError::TimedOut,
            detail: format!("was not done after {} ms", waited.as_millis()),
        }),
    }
}
