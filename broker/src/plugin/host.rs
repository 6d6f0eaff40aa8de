//! The plugin host as the rest of the broker sees it.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use tokio::runtime::Handle as Runtime;

use super::authorizer::WorkerPlugins;
use super::claims::{Claims, Wanted};
use super::config::{PluginConfig, PluginSpec};
use super::error::{PluginError, UnknownPlugin};
use super::generation::Lane;
use super::io::{IoPlugins, seat::IoSeat};
use super::load::{Loaded, Loader};
use super::mailbox::Mailbox;
use super::nursery::Nursery;
use super::outside::Outside;
use super::registry::{Entry, Registry};
use super::reload::{Control, Wake, Watched};
use super::remembered::Origin;
use super::report::Reporter;
use super::seat::{Links, Seat};
use super::settle;
use super::source::SourcePlugins;
use super::status::PluginStatus;
use super::tally::Tally;
use super::watch::stamps;

/// The control plane; a clone is the same host. Dropping the last handle stops reloading, not
/// the plugins that were handed out.
#[derive(Clone)]
pub struct PluginHost(Arc<Handle>);

struct Handle {
    registry: Arc<Registry>,
    control: Sender<Wake>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.control.send(Wake::Stop);
    }
}

/// What calls plugins, each for its own thread.
pub struct Handed {
    /// The one at `w` is worker `w`'s.
    pub workers: Vec<WorkerPlugins>,
    pub source: SourcePlugins,
    pub io: IoPlugins,
}

impl PluginHost {
    /// Loads every plugin and starts the threads that keep them current. Blocks: for each
    /// plugin at least 50 ms (its file must not change), and as long as it takes to compile what
    /// the cache does not hold. `runtime` is where hooks that wait run, and `outside` what they reach
    /// there; must not be called on it.
    ///
    /// # Errors
    ///
    /// A plugin does not load, or a name is claimed twice or by nobody; names plugin, file and
    /// cause.
    pub fn start(
        config: PluginConfig,
        workers: usize,
        runtime: &Runtime,
        outside: Outside,
    ) -> Result<(Self, Handed), PluginError> {
        let claims = Claims::new(&config)?;
        let loader = Loader::new(&config, &claims, workers, runtime, outside)?;
        let (control, wakes) = mpsc::channel();
        let nursery = Nursery::start()?;
        let mut seats = Seats::new(workers, nursery.clone(), control.clone());
        let mut watched = Vec::new();
        let mut entries = Vec::new();
        for (plugin, spec) in config.plugins.iter().enumerate() {
            let wanted = claims.wanted(plugin);
            let seen = stamps(spec);
            let loaded = load(&loader, plugin, spec, &wanted)?;
            let generation = loaded.generation.clone();
            let (entry, io) = seats.seat(loaded);
            entries.push(entry);
            watched.push(Watched::new(spec.clone(), wanted, generation, io, seen));
        }
        let mailboxes: Vec<Arc<Mailbox>> = seats.by_owner.iter().map(|_| Arc::default()).collect();
        let io_seat = |plugin: usize| watched.get(plugin).and_then(Watched::io_seat);
        let handlers = claims.handlers.iter().filter_map(|plugin| {
            let name = config.plugins.get(*plugin)?.name.clone();
            Some((name, io_seat(*plugin)?))
        });
        let admission = claims.admission.and_then(io_seat);
        let io = IoPlugins::new(runtime, &config, admission, handlers);
        let handed = seats.hand_out(&config, &claims, &mailboxes);
        let registry = Arc::new(Registry(entries));
        Control::new(loader, registry.clone(), watched, mailboxes, nursery).start(
            wakes,
            &control,
            config.watch,
        )?;
        let (workers, source) = handed;
        let handed = Handed {
            workers,
            source,
            io,
        };
        Ok((Self(Arc::new(Handle { registry, control })), handed))
    }

    /// How each plugin is doing, in the order of the settings.
    pub fn status(&self) -> Vec<PluginStatus> {
        self.0.registry.status()
    }

    /// Brings the counters and gauges up to date with what the workers counted; call it before
    /// they are read.
    pub fn publish_metrics(&self) {
        self.0.registry.publish_metrics();
    }

    /// Makes a new generation of a plugin, even if its files have not changed or failed before.
    /// Returns at once; `status` and the log tell how it went.
    ///
    /// # Errors
    ///
    /// No plugin has that name.
    pub fn request_reload(&self, name: &str) -> Result<(), UnknownPlugin> {
        let plugin = self
            .0
            .registry
            .position(name)
            .ok_or_else(|| UnknownPlugin(name.to_owned()))?;
        let _ = self.0.control.send(Wake::Reload(plugin));
        Ok(())
    }

    /// Stops watching and reloading; what was handed out goes on serving. Does not wait for a
    /// compilation under way.
    pub fn stop(&self) {
        let _ = self.0.control.send(Wake::Stop);
    }
}

fn load(
    loader: &Loader,
    plugin: usize,
    spec: &PluginSpec,
    wanted: &Wanted,
) -> Result<Loaded, PluginError> {
    let origin = Origin {
        plugin,
        generation: 1,
    };
    settle::read_settled(spec, loader.environment())
        .and_then(|inputs| loader.load(spec, wanted, origin, inputs, false))
        .map_err(|cause| PluginError::Load {
            name: spec.name.clone(),
            cause,
        })
}

/// Where plugins are called. An owner is a thread that has instances: a worker, or the last one,
/// which maps.
struct Seats {
    by_owner: Vec<Vec<Option<Seat>>>,
    workers: usize,
    nursery: Nursery,
    control: Sender<Wake>,
}

impl Seats {
    fn new(workers: usize, nursery: Nursery, control: Sender<Wake>) -> Self {
        Self {
            by_owner: (0..=workers).map(|_| Vec::new()).collect(),
            workers,
            nursery,
            control,
        }
    }

    /// Gives each owner its instance of a plugin, if it calls it.
    fn seat(&mut self, loaded: Loaded) -> (Entry, Option<Arc<IoSeat>>) {
        let Loaded {
            generation,
            instances,
        } = loaded;
        // One for each owner and one for the I/O engine.
        let tallies: Vec<Arc<Tally>> = (0..self.by_owner.len() + 1)
            .map(|_| Arc::default())
            .collect();
        let entry = Entry::new(generation.clone(), tallies.clone());
        let reporter = |tally: &Arc<Tally>| Reporter {
            tally: tally.clone(),
            last_error: entry.last_error(),
            control: self.control.clone(),
        };
        let mut instances = instances.into_iter().peekable();
        for (owner, (seats, tally)) in self.by_owner.iter_mut().zip(&tallies).enumerate() {
            let instance = instances.next_if(|(of, _)| *of == owner);
            seats.push(instance.map(|(_, instance)| {
                let lane = if owner == self.workers {
                    Lane::Source
                } else {
                    Lane::Worker
                };
                let links = Links {
                    owner,
                    lane,
                    nursery: self.nursery.clone(),
                    reporter: reporter(tally),
                };
                self.nursery.stock(&generation, owner);
                Seat::new(generation.clone(), instance, links)
            }));
        }
        let io = tallies
            .last()
            .filter(|_| generation.pool.is_some())
            .map(|tally| Arc::new(IoSeat::new(generation.clone(), reporter(tally))));
        (entry, io)
    }

    fn hand_out(
        mut self,
        config: &PluginConfig,
        claims: &Claims,
        mailboxes: &[Arc<Mailbox>],
    ) -> (Vec<WorkerPlugins>, SourcePlugins) {
        let source = self.by_owner.pop().unwrap_or_default();
        let mailbox = mailboxes.last().cloned().unwrap_or_default();
        let source = SourcePlugins::new(config, source, mailbox);
        let workers = self
            .by_owner
            .into_iter()
            .zip(mailboxes)
            .map(|(seats, mailbox)| {
                WorkerPlugins::new(
                    claims.routes.clone(),
                    claims.principals,
                    seats,
                    config.remembered_decisions,
                    mailbox.clone(),
                )
            })
            .collect();
        (workers, source)
    }
}
