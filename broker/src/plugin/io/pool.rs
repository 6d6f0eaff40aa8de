//! The instances of one generation on the I/O engine. They answer beside each other, are made
//! when they are needed, and each is replaced after some number of calls that nobody can know:
//! what an author keeps in statics is gone now and then, and not only in production.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::fetch::{Fetcher, Reach};
use super::instance::{Budget, IoHooks, IoInstance};
use crate::plugin::config::AdmissionLimits;
use crate::plugin::deadline::Deadline;
use crate::plugin::error::{CallError, LoadError};
use crate::plugin::generation::step;
use crate::plugin::imports::HostState;
use crate::plugin::instance::{Fault, describe};
use crate::plugin::reach::HttpHost;
use crate::plugin::settings::Settings;
use crate::plugin::ticks::Ticks;

/// Calls that an instance answers before another takes its place: at least so many, and less
/// than twice as many.
const CALLS: u32 = 64;
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
    pub(super) fetcher: Fetcher,
    pub(super) hosts: Arc<[HttpHost]>,
    pub(super) limits: AdmissionLimits,
    pub(super) runtime: Handle,
}

pub(in crate::plugin) struct Pool {
    parts: Parts,
    idle: Mutex<Vec<Pooled>>,
    /// One permit for each idle instance.
    ready: Semaphore,
    /// Instances that are there or being made.
    made: AtomicU32,
}

/// An instance, and how many calls it has left.
struct Pooled {
    instance: IoInstance,
    calls: u32,
}

impl Pool {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            idle: Mutex::default(),
            ready: Semaphore::new(0),
            made: AtomicU32::new(0),
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
        subject: &str,
        scopes: &str,
        transport: &str,
    ) -> Result<super::seat::Answer, NoAnswer> {
        let mut lease = self.lease(until).await.ok_or(NoAnswer::NoInstance)?;
        let budget = Budget {
            cpu: self.parts.limits.cpu,
            until,
        };
        let instance = lease.instance().ok_or(NoAnswer::NoInstance)?;
        let answer = instance
            .admit(budget, subject, scopes, transport)
            .await
            .and_then(super::seat::Answer::new)
            .map_err(NoAnswer::Fault)?;
        lease.give_back();
        Ok(answer)
    }

    async fn lease(self: &Arc<Self>, until: Instant) -> Option<Lease> {
        let permit = match self.ready.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                self.grow();
                timeout_at(until, self.ready.acquire()).await.ok()?.ok()?
            }
        };
        permit.forget();
        Some(Lease {
            pooled: self.idle().pop(),
            pool: self.clone(),
        })
    }

    /// Has one more made, unless there are as many as there may be.
    fn grow(self: &Arc<Self>) {
        let most = self.parts.limits.instances;
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
            Deadline::in_turns(parts.ticks.clone(), parts.limits.cpu),
        );
        state.reach = Some(Reach {
            fetcher: parts.fetcher.clone(),
            hosts: parts.hosts.clone(),
            until: Instant::now(),
        });
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
    /// None became free in time.
    NoInstance,
    Fault(Fault),
}

impl NoAnswer {
    pub(super) fn kind(&self) -> CallError {
        match self {
            Self::NoInstance => CallError::Restarting,
            Self::Fault(fault) => fault.kind,
        }
    }
}

/// An instance that is in use. One that is not given back is gone, and the pool makes another
/// when it is needed.
struct Lease {
    pool: Arc<Pool>,
    pooled: Option<Pooled>,
}

impl Lease {
    fn instance(&mut self) -> Option<&mut IoInstance> {
        self.pooled.as_mut().map(|pooled| &mut pooled.instance)
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
