//! Metrics of the plugin host.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Unit, counter, gauge, histogram};

use super::tally::{Count, Tally};

/// Describes every metric of the plugin host; call once, after the recorder is installed.
pub fn describe_metrics() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "tidegate_plugin_calls_total",
        "Calls made into a plugin; remembered answers are not among them"
    );
    describe_counter!(
        "tidegate_plugin_faults_total",
        "Calls without an answer, by kind: trap, timeout (CPU deadline), malformed"
    );
    describe_counter!(
        "tidegate_plugin_refused_total",
        "Calls not made because the plugin is tripped or its next instance not ready"
    );
    describe_counter!(
        "tidegate_plugin_denials_total",
        "Denials a plugin answered; remembered ones are not among them"
    );
    describe_counter!(
        "tidegate_plugin_remembered_total",
        "Questions answered by a remembered decision"
    );
    describe_counter!(
        "tidegate_plugin_reloads_total",
        "Reloads, by outcome: switched, refused (the candidate does not serve), rolled_back \
         (it failed on probation)"
    );
    describe_gauge!(
        "tidegate_plugin_generation",
        "The generation that serves, counted from 1 at start"
    );
    describe_gauge!(
        "tidegate_plugin_tripped",
        "1 while a plugin that failed repeatedly is not asked"
    );
    describe_histogram!(
        "tidegate_plugin_compile_seconds",
        Unit::Seconds,
        "Time to get a component's machine code, compiled or from the cache"
    );
    describe_histogram!(
        "tidegate_plugin_init_seconds",
        Unit::Seconds,
        "Time to instantiate, initialise and test one instance for each worker"
    );
}

/// One plugin's counters; they follow the workers' tallies.
pub(super) struct Meters {
    tallies: Vec<Arc<Tally>>,
    calls: Counter,
    traps: Counter,
    timeouts: Counter,
    malformed: Counter,
    refused: Counter,
    denials: Counter,
    remembered: Counter,
    generation: Gauge,
    tripped: Gauge,
}

/// A field of the tally, summed over the workers.
type Field = fn(&Tally) -> &Count;

impl Meters {
    pub(super) fn new(plugin: &str, tallies: Vec<Arc<Tally>>) -> Self {
        let plugin = plugin.to_owned();
        let fault = |kind: &'static str| counter!("tidegate_plugin_faults_total", "plugin" => plugin.clone(), "kind" => kind);
        Self {
            tallies,
            calls: counter!("tidegate_plugin_calls_total", "plugin" => plugin.clone()),
            traps: fault("trap"),
            timeouts: fault("timeout"),
            malformed: fault("malformed"),
            refused: counter!("tidegate_plugin_refused_total", "plugin" => plugin.clone()),
            denials: counter!("tidegate_plugin_denials_total", "plugin" => plugin.clone()),
            remembered: counter!("tidegate_plugin_remembered_total", "plugin" => plugin.clone()),
            generation: gauge!("tidegate_plugin_generation", "plugin" => plugin.clone()),
            tripped: gauge!("tidegate_plugin_tripped", "plugin" => plugin),
        }
    }

    pub(super) fn sum(&self, field: Field) -> u64 {
        self.tallies.iter().map(|tally| field(tally).get()).sum()
    }

    pub(super) fn publish(&self, generation: u64, tripped: bool) {
        self.calls.absolute(self.sum(|tally| &tally.calls));
        self.traps.absolute(self.sum(|tally| &tally.traps));
        self.timeouts.absolute(self.sum(|tally| &tally.timeouts));
        self.malformed.absolute(self.sum(|tally| &tally.malformed));
        self.refused.absolute(self.sum(|tally| &tally.refused));
        self.denials.absolute(self.sum(|tally| &tally.denials));
        self.remembered
            .absolute(self.sum(|tally| &tally.remembered));
        self.generation.set(generation as f64);
        self.tripped.set(if tripped { 1.0 } else { 0.0 });
    }
}

/// How a reload ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Switched,
    Refused,
    RolledBack,
}

pub(super) fn count_reload(plugin: &str, outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Switched => "switched",
        Outcome::Refused => "refused",
        Outcome::RolledBack => "rolled_back",
    };
    counter!("tidegate_plugin_reloads_total", "plugin" => plugin.to_owned(), "outcome" => outcome)
        .increment(1);
}

pub(super) fn record_load(plugin: &str, compiling: Duration, starting: Duration) {
    histogram!("tidegate_plugin_compile_seconds", "plugin" => plugin.to_owned())
        .record(compiling.as_secs_f64());
    histogram!("tidegate_plugin_init_seconds", "plugin" => plugin.to_owned())
        .record(starting.as_secs_f64());
}
