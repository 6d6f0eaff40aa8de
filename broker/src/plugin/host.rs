//! The plugin host as the rest of the broker sees it.

use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use super::authorizer::WorkerPlugins;
use super::config::{PluginConfig, PluginSpec};
use super::error::{PluginError, UnknownPlugin};
use super::load::{Loaded, Loader};
use super::mailbox::Mailbox;
use super::manifest::Hook;
use super::nursery::Nursery;
use super::registry::{Entry, Registry};
use super::reload::{Control, Wake, Watched};
use super::remembered::Origin;
use super::route::Routes;
use super::seat::{Links, Seat};
use super::settle;
use super::status::PluginStatus;
use super::tally::Tally;
use super::watch::stamps;

/// The control plane; a clone is the same host. Dropping the last handle stops reloading, not
/// the workers' plugins.
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

impl PluginHost {
    /// Loads every plugin and starts the threads that keep them current. Blocks: for each
    /// plugin at least 50 ms (its file must not change), and as long as it takes to compile what
    /// the cache does not hold. `WorkerPlugins` at `w` is worker `w`'s.
    ///
    /// # Errors
    ///
    /// A plugin does not load, or a name is claimed twice or by nobody; names plugin, file and
    /// cause.
    pub fn start(
        config: PluginConfig,
        workers: usize,
    ) -> Result<(Self, Vec<WorkerPlugins>), PluginError> {
        let names = names(&config)?;
        let routes = Arc::new(Routes::new(&config.authorize, &names)?);
        let principals = principals(&config, &names)?;
        let loader = Loader::new(&config, workers)?;
        let (control, wakes) = mpsc::channel();
        let nursery = Nursery::start()?;
        let mut watched = Vec::new();
        let mut entries = Vec::new();
        let mut seats: Vec<Vec<Seat>> = (0..workers).map(|_| Vec::new()).collect();
        for (plugin, spec) in config.plugins.iter().enumerate() {
            let wanted = wanted(plugin, &routes, principals);
            let seen = stamps(spec);
            let loaded = load(&loader, plugin, spec, &wanted)?;
            let generation = loaded.generation.clone();
            entries.push(seat(loaded, &nursery, &control, &mut seats));
            watched.push(Watched::new(spec.clone(), wanted, generation, seen));
        }
        let registry = Arc::new(Registry(entries));
        let mailboxes: Vec<Arc<Mailbox>> = (0..workers).map(|_| Arc::default()).collect();
        let workers = seats
            .into_iter()
            .zip(&mailboxes)
            .map(|(seats, mailbox)| {
                let remembered = config.remembered_decisions;
                WorkerPlugins::new(
                    routes.clone(),
                    principals,
                    seats,
                    remembered,
                    mailbox.clone(),
                )
            })
            .collect();
        Control::new(loader, registry.clone(), watched, mailboxes, nursery).start(
            wakes,
            &control,
            config.watch,
        )?;
        Ok((Self(Arc::new(Handle { registry, control })), workers))
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

    /// Stops watching and reloading; what the workers have goes on serving. Does not wait for a
    /// compilation under way.
    pub fn stop(&self) {
        let _ = self.0.control.send(Wake::Stop);
    }
}

fn names(config: &PluginConfig) -> Result<Vec<&str>, PluginError> {
    let mut names: Vec<&str> = Vec::new();
    for spec in &config.plugins {
        if names.contains(&spec.name.as_str()) {
            return Err(PluginError::DuplicateName(spec.name.clone()));
        }
        names.push(&spec.name);
    }
    Ok(names)
}

fn principals(config: &PluginConfig, names: &[&str]) -> Result<Option<usize>, PluginError> {
    let Some(wanted) = &config.principals else {
        return Ok(None);
    };
    match names.iter().position(|name| name == wanted) {
        Some(plugin) => Ok(Some(plugin)),
        None => Err(PluginError::Unknown {
            claim: "`principals`".into(),
            name: wanted.clone(),
        }),
    }
}

/// The hooks that the settings send calls to.
fn wanted(plugin: usize, routes: &Routes, principals: Option<usize>) -> Vec<Hook> {
    let mut wanted = Vec::new();
    if routes.reach(plugin) {
        wanted.push(Hook::Authorizer);
    }
    if principals == Some(plugin) {
        wanted.push(Hook::Principals);
    }
    wanted
}

fn load(
    loader: &Loader,
    plugin: usize,
    spec: &PluginSpec,
    wanted: &[Hook],
) -> Result<Loaded, PluginError> {
    let origin = Origin {
        plugin,
        generation: 1,
    };
    settle::read_settled(spec)
        .and_then(|inputs| loader.load(spec, wanted, origin, inputs, false))
        .map_err(|cause| PluginError::Load {
            name: spec.name.clone(),
            cause,
        })
}

/// Gives each worker its instance.
fn seat(
    loaded: Loaded,
    nursery: &Nursery,
    control: &Sender<Wake>,
    seats: &mut [Vec<Seat>],
) -> Entry {
    let Loaded {
        generation,
        instances,
    } = loaded;
    let tallies: Vec<Arc<Tally>> = seats.iter().map(|_| Arc::default()).collect();
    let entry = Entry::new(generation.clone(), tallies.clone());
    for (worker, (instance, tally)) in instances.into_iter().zip(tallies).enumerate() {
        let links = Links {
            worker,
            nursery: nursery.clone(),
            tally,
            last_error: entry.last_error(),
            control: control.clone(),
        };
        nursery.stock(&generation, worker);
        seats[worker].push(Seat::new(generation.clone(), instance, links));
    }
    entry
}
