//! A low-priority thread that makes instances ahead of need and buries those that are done with,
//! so that no worker waits for either.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};

use super::error::PluginError;
use super::generation::Generation;
use super::instance::Instance;

/// Below the workers, above what only runs on an idle machine.
const NICE: i32 = 10;

#[derive(Clone)]
pub(super) struct Nursery(Sender<Chore>);

enum Chore {
    Stock(Weak<Generation>, usize),
    Bury(Box<dyn Send>),
}

impl Nursery {
    /// The thread ends when every handle is gone.
    pub(super) fn start() -> Result<Self, PluginError> {
        const NAME: &str = "plugin-nursery";
        let (sender, chores) = mpsc::channel();
        std::thread::Builder::new()
            .name(NAME.into())
            .spawn(move || run(&chores))
            .map_err(|source| PluginError::Thread { name: NAME, source })?;
        Ok(Self(sender))
    }

    /// Makes this owner's spare of a generation. At most one per owner and generation exists, so
    /// one that asks often costs nothing.
    pub(super) fn stock(&self, generation: &Arc<Generation>, owner: usize) {
        let _ = self.0.send(Chore::Stock(Arc::downgrade(generation), owner));
    }

    /// Gives back an instance's memory.
    pub(super) fn bury(&self, instance: Instance) {
        let _ = self.0.send(Chore::Bury(Box::new(instance)));
    }
}

fn run(chores: &Receiver<Chore>) {
    lower_priority();
    for chore in chores {
        match chore {
            Chore::Stock(generation, owner) => {
                let Some(generation) = generation.upgrade() else {
                    continue;
                };
                if let Err(error) = generation.stock(owner) {
                    tracing::error!(
                        plugin = &*generation.name,
                        generation = generation.origin.generation,
                        %error,
                        "cannot make a spare instance"
                    );
                }
            }
            Chore::Bury(instance) => drop(instance),
        }
    }
}

/// Of the calling thread.
pub(super) fn lower_priority() {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "cannot lower the priority of a plugin thread");
    }
}
