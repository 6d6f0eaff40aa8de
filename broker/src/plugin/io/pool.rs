//! The instances of one generation on the I/O engine. They answer beside each other, are made
//! when they are needed, and each is replaced after some number of calls that nobody can know:
//! what an author keeps in statics is gone now and then, and not only in production.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::answers::{self, Admitted, Reply};
use super::handler::Invocation;
use super::instance::{Budget, Deeds, IoHooks, IoInstance};
use super::reach::{Granted, Reach};
use super::seat::Visitor;
use super::sessions::CookieChange;
use crate::plugin::config::{AdmissionLimits, HandlerLimits};
use crate::plugin::deadline::Deadline;
use crate::plugin::error::{CallError, LoadError};
use crate::plugin::generation::step;
use crate::plugin::imports::HostState;
use crate::plugin::instance::{Fault, START_DEADLINE, describe};
use crate::plugin::settings::Settings;
use crate::plugin::ticks::Ticks;

/// Calls that an instance answers before another takes its place: at least so many, and less
/// than twice as many.
const CALLS: u32 = 64;
/// Nobody is asked who has less time than this left: it would be the plugin's fault to be late.
/// More than [`RESERVE`](super::reach::RESERVE), so that there is time to wait for something.
const LEAST: Duration = Duration::from_millis(150);
/// After an instance could not be made, the next is not tried for so long.
const PAUSE: Duration = Duration::from_secs(1);

/// What instances are made of.
pub(super) struct Parts {
    pub(super) name: Arc<str>,
    pub(super) path: PathBuf,
    pub(super) hooks: IoHooks,
    pub(super) settings: Arc<Settings>,
    pub(super) memory_bytes: usize,
    pub(super) ticks: Ticks,
    pub(super) granted: Arc<Granted>,
    pub(super) limits: Limits,
    pub(super) runtime: Handle,
}

/// Of each hook that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) admission: Option<AdmissionLimits>,
    pub(super) handler: Option<HandlerLimits>,
}

impl Limits {
    /// Instances that there may be: so many that no hook takes another's.
    pub(super) fn instances(&self) -> u32 {
        let admission = self.admission.map_or(0, |limits| limits.instances);
        let handler = self.handler.map_or(0, |limits| limits.instances);
        admission.saturating_add(handler)
    }
}

/// Calls of one hook that run beside each other.
struct Room {
    places: Arc<Semaphore>,
    cpu: Duration,
}

impl Room {
    fn new(instances: u32, cpu: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(instances as usize)),
            cpu,
        }
    }
}

pub(in crate::plugin) struct Pool {
    parts: Parts,
    admission: Option<Room>,
    handler: Option<Room>,
    idle: Mutex<Vec<Pooled>>,
    /// One permit for each idle instance.
    ready: Semaphore,
    /// Instances that are there or being made.
    made: AtomicU32,
    /// Calls that wait for one.
    waiting: AtomicU32,
}

/// An instance, and how many calls it has left.
struct Pooled {
    instance: IoInstance,
    calls: u32,
}

impl Pool {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let Limits { admission, handler } = parts.limits;
        Arc::new(Self {
            admission: admission.map(|limits| Room::new(limits.instances, limits.cpu)),
            handler: handler.map(|limits| Room::new(limits.instances, limits.cpu)),
            parts,
            idle: Mutex::default(),
            ready: Semaphore::new(0),
            made: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        })
    }

    /// Makes the first instance and has it test itself. Blocks; not on the runtime.
    ///
    /// # Errors
    ///
    /// The step that failed or refused.
    pub(in crate::plugin) fn open(&self) -> Result<(), LoadError> {
        let instance = self.parts.runtime.block_on(self.instance(true))?;
        self.made.fetch_add(1, Ordering::Relaxed);
        self.put(Pooled {
            instance,
            calls: lifetime(),
        });
        Ok(())
    }

    /// Instances, and those among them that are not idle.
    pub(in crate::plugin) fn counts(&self) -> (u32, u32) {
        let made = self.made.load(Ordering::Relaxed);
        let idle = u32::try_from(self.idle().len()).unwrap_or(u32::MAX);
        (made, made.saturating_sub(idle))
    }

    /// Asks an instance, waiting for one if need be. Dropping the future ends the instance.
    pub(super) async fn admit(
        self: &Arc<Self>,
        until: Instant,
        visitor: Visitor<'_>,
    ) -> Result<Admitted, NoAnswer> {
        let (mut lease, budget) = self.lease(self.admission.as_ref(), until).await?;
        let Visitor {
            subject,
            scopes,
            transport,
        } = visitor;
        let told = lease
            .instance()?
            .admit(budget, subject, scopes, transport.name())
            .await;
        let (answer, _) = lease.end(told.and_then(Admitted::new), |_| true)?;
        Ok(answer)
    }

    /// The same for a call.
    pub(super) async fn handle(
        self: &Arc<Self>,
        invocation: &Invocation,
    ) -> Result<(Reply, CookieChange), NoAnswer> {
        let until = invocation.until;
        let (mut lease, budget) = self.lease(self.handler.as_ref(), until).await?;
        let told = lease.instance()?.handle(budget, invocation).await;
        let (reply, deeds) = lease.end(told.and_then(answers::reply), Reply::is_ok)?;
        Ok((reply, deeds.cookie))
    }

    async fn lease(
        self: &Arc<Self>,
        room: Option<&Room>,
        until: Instant,
    ) -> Result<(Lease, Budget), NoAnswer> {
        let Room { places, cpu } = room.ok_or(NoAnswer::NotAsked(CallError::NotConfigured))?;
        let busy = || NoAnswer::NotAsked(CallError::Busy);
        if !is_in_time(until) {
            return Err(busy());
        }
        let latest = last_begin(until);
        let place = timeout_at(latest, places.clone().acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
        let permit = match self.ready.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::begin(&self.waiting);
                self.grow();
                let ready = timeout_at(latest, self.ready.acquire()).await;
                ready.map_err(|_| busy())?.map_err(|_| busy())?
            }
        };
        permit.forget();
        let lease = Lease {
            pooled: self.idle().pop(),
            pool: self.clone(),
            _place: place,
        };
        Ok((lease, Budget { cpu: *cpu, until }))
    }

    /// Has one more made, unless there are as many as there may be.
    fn grow(self: &Arc<Self>) {
        let most = self.parts.limits.instances();
        let one_more = |made: u32| (made < most).then_some(made + 1);
        let relaxed = Ordering::Relaxed;
        if self.made.fetch_update(relaxed, relaxed, one_more).is_err() {
            return;
        }
        let pool = self.clone();
        self.parts.runtime.spawn(async move {
            match pool.instance(false).await {
                Ok(instance) => pool.put(Pooled {
                    instance,
                    calls: lifetime(),
                }),
                Err(error) => {
                    let plugin = &*pool.parts.name;
                    tracing::error!(plugin, %error, "cannot make an instance");
                    tokio::time::sleep(PAUSE).await;
                    pool.made.fetch_sub(1, relaxed);
                    if pool.waiting.load(relaxed) > 0 {
                        pool.grow();
                    }
                }
            }
        });
    }

    /// A new instance that has passed `init`, and `self-test` if asked.
    async fn instance(&self, self_test: bool) -> Result<IoInstance, LoadError> {
        let parts = &self.parts;
        let mut state = HostState::new(
            parts.name.clone(),
            parts.settings.clone(),
            parts.memory_bytes,
            Deadline::in_turns(parts.ticks.clone(), START_DEADLINE),
        );
        state.reach = Some(Reach::new(parts.granted.clone()));
        let mut instance = IoInstance::new(&parts.hooks, state)
            .await
            .map_err(|error| LoadError::Instantiate {
                path: parts.path.clone(),
                cause: describe(&error, None).detail,
            })?;
        step(
            &parts.path,
            "init",
            instance.init(&parts.settings.text).await,
        )?;
        if self_test {
            step(&parts.path, "self-test", instance.self_test().await)?;
        }
        Ok(instance)
    }

    fn put(&self, pooled: Pooled) {
        self.idle().push(pooled);
        self.ready.add_permits(1);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nobody answered.
pub(super) enum NoAnswer {
    /// Nobody was asked.
    NotAsked(CallError),
    Fault {
        fault: Fault,
        deeds: Deeds,
    },
}

impl NoAnswer {
    pub(super) fn kind(&self) -> CallError {
        match self {
            Self::NotAsked(kind) => *kind,
            Self::Fault { fault, .. } => fault.kind,
        }
    }

    /// Whether something was done, and would be done twice if the call was made again.
    pub(super) fn has_acted(&self) -> bool {
        match self {
            Self::NotAsked(_) => false,
            Self::Fault { deeds, .. } => deeds.acted,
        }
    }

    pub(super) fn into_cookie(self) -> CookieChange {
        match self {
            Self::NotAsked(_) => CookieChange::Keep,
            Self::Fault { deeds, .. } => deeds.cookie,
        }
    }
}

/// Whether a call that has to be over by then may begin.
pub(super) fn is_in_time(until: Instant) -> bool {
    Instant::now() < last_begin(until)
}

fn last_begin(until: Instant) -> Instant {
    until.checked_sub(LEAST).unwrap_or(until)
}

/// Counts one that waits.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An instance that is in use. One that is not given back is gone, and the pool makes another
/// when it is needed.
struct Lease {
    pool: Arc<Pool>,
    pooled: Option<Pooled>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    fn instance(&mut self) -> Result<&mut IoInstance, NoAnswer> {
        let pooled = self.pooled.as_mut().map(|pooled| &mut pooled.instance);
        pooled.ok_or(NoAnswer::NotAsked(CallError::Busy))
    }

    /// The call is over: what it has done stays if its answer is one that `succeeded`.
    fn end<R>(
        mut self,
        answer: Result<R, Fault>,
        succeeded: fn(&R) -> bool,
    ) -> Result<(R, Deeds), NoAnswer> {
        let stays = answer.as_ref().is_ok_and(succeeded);
        let deeds = self.instance()?.conclude(stays);
        match answer {
            Ok(answer) => {
                self.give_back();
                Ok((answer, deeds))
            }
            Err(fault) => Err(NoAnswer::Fault { fault, deeds }),
        }
    }

    fn give_back(mut self) {
        let Some(mut pooled) = self.pooled.take() else {
            return;
        };
        pooled.calls = pooled.calls.saturating_sub(1);
        if pooled.calls > 0 {
            self.pool.put(pooled);
        } else {
            self.pooled = Some(pooled);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.pooled.take().is_some() {
            self.pool.made.fetch_sub(1, Ordering::Relaxed);
            // Whoever waits for an instance has asked for one already, perhaps in vain.
            self.pool.grow();
        }
    }
}

fn lifetime() -> u32 {
    let mut byte = [0];
    // Without random bytes the number is known, and nothing worse.
    let _ = rand::fill(&mut byte);
    CALLS + u32::from(byte[0]) % CALLS
}
