//! What is known of each plugin, for status and metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::generation::Generation;
use super::health::Phase;
use super::meters::Meters;
use super::settle::hex;
use super::status::{PluginStatus, State};
use super::tally::Tally;

pub(super) struct Registry(pub(super) Vec<Entry>);

pub(super) struct Entry {
    name: String,
    serving: Mutex<Arc<Generation>>,
    last_error: LastError,
    meters: Meters,
}

/// Shared with the workers, which see the calls that fail.
pub(super) type LastError = Arc<Mutex<Option<String>>>;

impl Registry {
    pub(super) fn status(&self) -> Vec<PluginStatus> {
        self.0.iter().map(Entry::status).collect()
    }

    pub(super) fn publish_metrics(&self) {
        for entry in &self.0 {
            let serving = entry.serving();
            entry.meters.publish(&serving);
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.name == name)
    }

    /// A candidate serves: what was wrong before is past.
    pub(super) fn switch(&self, plugin: usize, generation: Arc<Generation>) {
        self.serve(plugin, generation);
        if let Some(entry) = self.0.get(plugin) {
            *lock(&entry.last_error) = None;
        }
    }

    pub(super) fn serve(&self, plugin: usize, generation: Arc<Generation>) {
        if let Some(entry) = self.0.get(plugin) {
            *lock(&entry.serving) = generation;
        }
    }

    pub(super) fn set_error(&self, plugin: usize, error: String) {
        if let Some(entry) = self.0.get(plugin) {
            *lock(&entry.last_error) = Some(error);
        }
    }
}

impl Entry {
    pub(super) fn new(serving: Arc<Generation>, tallies: Vec<Arc<Tally>>) -> Self {
        Self {
            name: serving.name.to_string(),
            last_error: LastError::default(),
            meters: Meters::new(&serving.name, serving.pool.is_some(), tallies),
            serving: Mutex::new(serving),
        }
    }

    pub(super) fn last_error(&self) -> LastError {
        self.last_error.clone()
    }

    fn serving(&self) -> Arc<Generation> {
        lock(&self.serving).clone()
    }

    fn status(&self) -> PluginStatus {
        let serving = self.serving();
        let state = if serving.is_tripped() {
            State::Tripped
        } else if serving.phase() == Phase::Serving {
            State::Serving
        } else {
            State::Probation
        };
        PluginStatus {
            name: self.name.clone(),
            version: serving.version.clone(),
            sha256: hex(&serving.sha256),
            generation: serving.origin.generation,
            state,
            last_error: lock(&self.last_error).clone(),
            calls: self.meters.sum(|tally| &tally.calls),
            traps: self.meters.sum(|tally| &tally.traps),
            timeouts: self.meters.sum(|tally| &tally.timeouts),
            malformed: self.meters.sum(|tally| &tally.malformed),
            remembered: self.meters.sum(|tally| &tally.remembered),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
