//! The clock that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::EngineWeak;

use super::error::PluginError;

/// How often a running guest looks up whether its CPU time is used up.
pub(super) const TICK: Duration = Duration::from_millis(1);
/// Ticks without a call after which the clock slows down.
const AWAKE: u32 = 1_000;
/// A tick while no guest runs: a thousand a second would cost an idle broker CPU time. Also the
/// longest that a call goes unnoticed which began just as the clock slowed down.
const IDLE_TICK: Duration = Duration::from_millis(100);

/// Advances an engine's epoch on a thread of its own, which ends with the engine.
#[derive(Clone)]
pub(super) struct Ticks {
    called: Arc<AtomicBool>,
    thread: Thread,
}

impl Ticks {
    pub(super) fn start(engine: EngineWeak) -> Result<Self, PluginError> {
        const NAME: &str = "plugin-ticks";
        let called = Arc::new(AtomicBool::new(false));
        let seen = called.clone();
        let thread = std::thread::Builder::new()
            .name(NAME.into())
            .spawn(move || run(&engine, &seen))
            .map_err(|source| PluginError::Thread { name: NAME, source })?;
        Ok(Self {
            called,
            thread: thread.thread().clone(),
        })
    }

    /// A guest runs or is about to: tick fast.
    pub(super) fn keep(&self) {
        if !self.called.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn run(engine: &EngineWeak, called: &AtomicBool) {
    let tick = || engine.upgrade().map(|engine| engine.increment_epoch());
    loop {
        while !called.swap(false, Ordering::AcqRel) {
            if tick().is_none() {
                return;
            }
            std::thread::park_timeout(IDLE_TICK);
        }
        for _ in 0..AWAKE {
            if tick().is_none() {
                return;
            }
            std::thread::sleep(TICK);
        }
    }
}
