//! The control thread: looks at changed files, makes candidates, posts them to the threads that call,
//! ends probations and rolls back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::claims::Wanted;
use super::clock;
use super::config::PluginSpec;
use super::error::{LoadError, PluginError};
use super::generation::Generation;
use super::health::Phase;
use super::io::seat::IoSeat;
use super::load::{Loaded, Loader};
use super::mailbox::{Mailbox, Post};
use super::meters::{Outcome, count_reload};
use super::nursery::{Nursery, lower_priority};
use super::registry::Registry;
use super::remembered::Origin;
use super::settle::{self, Sha256, hex};
use super::watch::{self, Stamp, Touched, stamps};

/// Between two looks at files, probations and counters when nothing else happens.
const ROUND: Duration = Duration::from_secs(1);
/// Failed candidates remembered per plugin.
const FAILED: usize = 16;

pub(super) enum Wake {
    /// A file of this plugin may have changed.
    Look(usize),
    /// Somebody asked for it: also if nothing changed, also if it failed before.
    Reload(usize),
    RolledBack(Arc<Generation>),
    Stop,
}

pub(super) struct Control {
    loader: Loader,
    registry: Arc<Registry>,
    plugins: Vec<Watched>,
    mailboxes: Vec<Arc<Mailbox>>,
    nursery: Nursery,
    watch: bool,
}

pub(super) struct Watched {
    spec: PluginSpec,
    wanted: Wanted,
    /// Where hooks that wait are called; it switches at once, without mail.
    io: Option<Arc<IoSeat>>,
    serving: Arc<Generation>,
    /// What a roll-back goes back to.
    previous: Option<Arc<Generation>>,
    /// Candidates that are not tried again unless somebody asks for it.
    failed: VecDeque<Sha256>,
    generations: u64,
    seen: Vec<Option<Stamp>>,
    touched: Touched,
}

impl Watched {
    pub(super) fn new(
        spec: PluginSpec,
        wanted: Wanted,
        serving: Arc<Generation>,
        io: Option<Arc<IoSeat>>,
        seen: Vec<Option<Stamp>>,
    ) -> Self {
        Self {
            spec,
            wanted,
            io,
            generations: serving.origin.generation,
            serving,
            previous: None,
            failed: VecDeque::new(),
            seen,
            touched: Touched::default(),
        }
    }

    pub(super) fn io_seat(&self) -> Option<Arc<IoSeat>> {
        self.io.clone()
    }

    fn remember_failed(&mut self, digest: Sha256) {
        if self.failed.len() == FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back(digest);
    }
}

impl Control {
    pub(super) fn new(
        loader: Loader,
        registry: Arc<Registry>,
        plugins: Vec<Watched>,
        mailboxes: Vec<Arc<Mailbox>>,
        nursery: Nursery,
    ) -> Self {
        Self {
            loader,
            registry,
            plugins,
            mailboxes,
            nursery,
            watch: false,
        }
    }

    /// Runs on a thread of its own until it is told to stop.
    pub(super) fn start(
        mut self,
        wakes: Receiver<Wake>,
        control: &Sender<Wake>,
        watch: bool,
    ) -> Result<(), PluginError> {
        const NAME: &str = "plugin-reload";
        self.watch = watch;
        let specs: Vec<_> = self
            .plugins
            .iter()
            .map(|watched| (&watched.spec, watched.touched.clone()))
            .collect();
        let watcher = watch.then(|| watch::start(&specs, control)).flatten();
        std::thread::Builder::new()
            .name(NAME.into())
            .spawn(move || {
                lower_priority();
                self.run(&wakes);
                drop(watcher);
            })
            .map_err(|source| PluginError::Thread { name: NAME, source })?;
        Ok(())
    }

    fn run(&mut self, wakes: &Receiver<Wake>) {
        let mut next_round = Instant::now() + ROUND;
        loop {
            let wait = next_round.saturating_duration_since(Instant::now());
            match wakes.recv_timeout(wait) {
                Ok(Wake::Look(plugin)) => self.reload(plugin, Cause::Change),
                Ok(Wake::Reload(plugin)) => self.reload(plugin, Cause::Request),
                Ok(Wake::RolledBack(generation)) => self.roll_back(&generation),
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if Instant::now() >= next_round {
                self.round();
                next_round = Instant::now() + ROUND;
            }
        }
    }

    fn round(&mut self) {
        self.registry.publish_metrics();
        for plugin in 0..self.plugins.len() {
            self.end_probation(plugin);
            if self.watch && stamps(&self.plugins[plugin].spec) != self.plugins[plugin].seen {
                self.reload(plugin, Cause::Change);
            }
        }
    }

    fn reload(&mut self, plugin: usize, cause: Cause) {
        let watched = &mut self.plugins[plugin];
        watched.touched.clear();
        watched.seen = stamps(&watched.spec);
        let begun = Instant::now();
        match self.candidate(plugin, cause) {
            Ok(Some(loaded)) => self.switch(plugin, loaded, begun),
            Ok(None) => {}
            Err(error) => self.refuse(plugin, &error),
        }
    }

    /// `None` = nothing to do.
    fn candidate(&mut self, plugin: usize, cause: Cause) -> Result<Option<Loaded>, LoadError> {
        let watched = &mut self.plugins[plugin];
        let inputs = settle::read_settled(&watched.spec, self.loader.environment())?;
        let digest = inputs.digest;
        if cause == Cause::Change {
            if digest == watched.serving.digest {
                return Ok(None);
            }
            if watched.failed.contains(&digest) {
                tracing::debug!(
                    plugin = watched.spec.name,
                    sha256 = hex(&inputs.sha256),
                    "plugin failed before and is not tried again"
                );
                return Ok(None);
            }
        }
        let origin = Origin {
            plugin,
            generation: watched.generations + 1,
        };
        let loaded = self
            .loader
            .load(&watched.spec, &watched.wanted, origin, inputs, true)
            .inspect_err(|_| watched.remember_failed(digest))?;
        watched.generations += 1;
        watched.failed.retain(|failed| *failed != digest);
        Ok(Some(loaded))
    }

    fn switch(&mut self, plugin: usize, loaded: Loaded, begun: Instant) {
        let watched = &mut self.plugins[plugin];
        let Loaded {
            generation,
            instances,
        } = loaded;
        // From here on its phase is final, so all workers agree on what to go back to.
        if watched.serving.conclude() != Phase::RolledBack {
            watched.previous = Some(watched.serving.clone());
        }
        watched.serving = generation.clone();
        self.registry.switch(plugin, generation.clone());
        for (owner, instance) in instances {
            if let Some(mailbox) = self.mailboxes.get(owner) {
                mailbox.post(Post::Switch(generation.clone(), instance));
                self.nursery.stock(&generation, owner);
            }
        }
        if let Some(io) = &watched.io {
            io.switch(generation.clone());
        }
        count_reload(&watched.spec.name, Outcome::Switched);
        tracing::info!(
            plugin = watched.spec.name,
            version = generation.version,
            generation = generation.origin.generation,
            sha256 = hex(&generation.sha256),
            milliseconds = begun.elapsed().as_millis() as u64,
            "plugin reloaded"
        );
    }

    fn refuse(&mut self, plugin: usize, error: &LoadError) {
        let watched = &self.plugins[plugin];
        count_reload(&watched.spec.name, Outcome::Refused);
        self.registry.set_error(plugin, error.to_string());
        tracing::error!(
            plugin = watched.spec.name,
            serving = watched.serving.origin.generation,
            "plugin not reloaded, the old one goes on: {error}"
        );
    }

    fn roll_back(&mut self, failed: &Arc<Generation>) {
        let plugin = failed.origin.plugin;
        let watched = &mut self.plugins[plugin];
        watched.remember_failed(failed.digest);
        count_reload(&watched.spec.name, Outcome::RolledBack);
        if watched.serving.origin != failed.origin {
            return;
        }
        let Some(previous) = watched.previous.take() else {
            return;
        };
        watched.serving = previous.clone();
        tracing::error!(
            plugin = watched.spec.name,
            generation = failed.origin.generation,
            serving = previous.origin.generation,
            "plugin failed on probation and was rolled back"
        );
        if let Some(io) = &watched.io {
            io.roll_back(failed.origin);
        }
        self.registry.serve(plugin, previous);
        self.tell(|| Post::RollBack(failed.origin));
    }

    fn end_probation(&mut self, plugin: usize) {
        let watched = &mut self.plugins[plugin];
        if watched.previous.is_none() {
            return;
        }
        watched.serving.try_promote(clock::coarse_ms());
        if watched.serving.phase() == Phase::Serving {
            watched.previous = None;
            let origin = watched.serving.origin;
            if let Some(io) = &watched.io {
                io.keep(origin);
            }
            tracing::info!(
                plugin = watched.spec.name,
                generation = origin.generation,
                "plugin passed its probation"
            );
            self.tell(|| Post::Keep(origin));
        }
    }

    fn tell(&self, post: impl Fn() -> Post) {
        for mailbox in &self.mailboxes {
            mailbox.post(post());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Change,
    Request,
}
