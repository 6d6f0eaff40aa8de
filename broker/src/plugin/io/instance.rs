//! One instance on the I/O engine, in a Store of its own.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::handler::Invocation;
use super::progress::Progress;
use super::sessions::{CallSessions, CookieChange};
use crate::plugin::bindings::admission::exports::tidegate::admission::admission::Verdict;
use crate::plugin::bindings::handler::exports::tidegate::handler::handler::Caller;
use crate::plugin::bindings::imports::tidegate::types::errors::Error as Refusal;
use crate::plugin::bindings::io::lifecycle;
use crate::plugin::bindings::{admission, handler};
use crate::plugin::error::CallError;
use crate::plugin::imports::HostState;
use crate::plugin::instance::{self, Fault, START_DEADLINE, bounded_store, describe, missing};
use crate::plugin::manifest::Hook;

/// Wall time for `init` and for `self-test`, which may wait too.
const START_TIME: Duration = Duration::from_secs(5);
/// Bytes that the host copies out of the guest at once: more than the longest answer, and than the
/// items of one put-in-order, so that one that is too long is told from one that is endless.
const COPIED_BYTES: usize = 2 << 20;

/// The typed exports of a component, looked up once per generation.
pub(in crate::plugin) struct IoHooks {
    pre: InstancePre<HostState>,
    admission: Option<admission::AdmissionHookIndices>,
    handler: Option<handler::HandlerHookIndices>,
    lifecycle: Option<lifecycle::LifecycleHookIndices>,
}

impl IoHooks {
    pub(super) fn new(pre: InstancePre<HostState>, hooks: &[Hook]) -> wasmtime::Result<Self> {
        let has = |hook| hooks.contains(&hook);
        let admission = has(Hook::Admission)
            .then(|| admission::AdmissionHookIndices::new(&pre))
            .transpose()?;
        let handler = has(Hook::Handler)
            .then(|| handler::HandlerHookIndices::new(&pre))
            .transpose()?;
        let lifecycle = has(Hook::Lifecycle)
            .then(|| lifecycle::LifecycleHookIndices::new(&pre))
            .transpose()?;
        Ok(Self {
            pre,
            admission,
            handler,
            lifecycle,
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

/// What a call has done beside its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    /// Made again, something may be done twice.
    pub(super) acted: bool,
    pub(super) cookie: CookieChange,
}

/// A fault ends the instance, and so does dropping a call under way.
pub(in crate::plugin) struct IoInstance {
    store: Store<HostState>,
    admission: Option<admission::AdmissionHook>,
    handler: Option<handler::HandlerHook>,
    lifecycle: Option<lifecycle::LifecycleHook>,
}

impl IoInstance {
    /// Instantiates, within the CPU time of a start.
    pub(super) async fn new(hooks: &IoHooks, state: HostState) -> wasmtime::Result<Self> {
        let mut store = bounded_store(hooks.pre.engine(), state);
        store.set_hostcall_fuel(COPIED_BYTES);
        let instance = hooks.pre.instantiate_async(&mut store).await?;
        let admission = hooks
            .admission
            .as_ref()
            .map(|indices| indices.load(&mut store, &instance))
            .transpose()?;
        let handler = hooks
            .handler
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
            admission,
            handler,
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
        let budget = begin_alone(store, Budget::of_a_start());
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
        let budget = begin_alone(store, Budget::of_a_start());
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
        let hook = admission.as_ref().ok_or_else(|| missing("admission"))?;
        let begun = Instant::now();
        let budget = begin_alone(store, budget);
        let guest = hook.tidegate_admission_admission();
        let call = guest.call_admit(&mut *store, subject, scopes, transport);
        let answer = timeout_at(budget.until, call).await;
        end(store, begun.elapsed(), answer)
    }

    pub(super) async fn handle(
        &mut self,
        budget: Budget,
        invocation: &Invocation,
    ) -> Result<Result<String, Refusal>, Fault> {
        let Self { store, handler, .. } = self;
        let hook = handler.as_ref().ok_or_else(|| missing("handler"))?;
        let begun = Instant::now();
        let Invocation { call, progress, .. } = invocation;
        let caller = &call.caller;
        let sessions = if caller.takes_cookies {
            CallSessions::of(caller.session_id.clone())
        } else {
            CallSessions::none()
        };
        let budget = begin(store, budget, progress.clone(), sessions);
        let guest = hook.tidegate_handler_handler();
        let shown = Caller {
            subject: caller.subject.to_string(),
            scopes: caller.scopes.to_string(),
            transport: caller.transport.name().to_owned(),
            session_id: caller.session_id.as_deref().unwrap_or_default().to_owned(),
        };
        let params = call.params.as_ref().map_or("null", |params| params.get());
        let asked = guest.call_handle(&mut *store, &call.method, params, &shown);
        let answer = timeout_at(budget.until, asked).await;
        end(store, begun.elapsed(), answer)
    }

    /// What the call that is over has done; a session that it created stays only if it has
    /// `succeeded` and its caller gets the cookie.
    pub(super) fn conclude(&mut self, succeeded: bool) -> Deeds {
        match &mut self.store.data_mut().reach {
            Some(reach) => Deeds {
                acted: reach.progress.has_acted(),
                cookie: (reach.sessions).conclude(succeeded && reach.progress.has_caller()),
            },
            None => Deeds::default(),
        }
    }
}

/// Of a call that nobody's leaving ends.
fn begin_alone(store: &mut Store<HostState>, budget: Budget) -> Budget {
    begin(store, budget, Progress::default(), CallSessions::none())
}

fn begin(
    store: &mut Store<HostState>,
    budget: Budget,
    progress: Progress,
    sessions: CallSessions,
) -> Budget {
    instance::begin(store, budget.cpu);
    if let Some(reach) = &mut store.data_mut().reach {
        reach.begin(budget.until, progress, sessions);
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
