//! Metrics of the plugin host.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Unit, counter, gauge, histogram};

use super::generation::Generation;
use super::tally::{Count, Tally};

/// Describes every metric of the plugin host; call once, after the recorder is installed.
pub fn describe_metrics() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "tidegate_plugin_calls_total",
        "Calls made into a plugin; a batch of records is one; remembered answers are not among them"
    );
    describe_counter!(
        "tidegate_plugin_faults_total",
        "Calls without an answer, by kind: trap, timeout (its deadline), malformed"
    );
    describe_counter!(
        "tidegate_plugin_refused_total",
        "Calls not made because the plugin is tripped, its next instance not ready or no instance \
         free in time"
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
        "Time to instantiate, initialise and test one instance for each thread that calls it"
    );
    describe_io_metrics();
}

/// Of hooks that wait.
fn describe_io_metrics() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_gauge!(
        "tidegate_plugin_io_instances",
        "Instances on the I/O engine (admission, handler), those that are being made included"
    );
    describe_gauge!(
        "tidegate_plugin_io_in_flight",
        "Instances on the I/O engine that answer a call now"
    );
    describe_counter!(
        "tidegate_plugin_admissions_total",
        "Questions whether a principal may stay, by outcome: admitted, refused, failed (no \
         answer), overloaded (too many under way, or no instance in time); remembered answers are not among them"
    );
    describe_gauge!(
        "tidegate_plugin_admissions_waiting",
        "Questions under way, those that wait for an instance included"
    );
    describe_gauge!(
        "tidegate_plugin_admissions_kept",
        "Remembered answers, those that have expired included"
    );
    describe_histogram!(
        "tidegate_plugin_admission_seconds",
        Unit::Seconds,
        "Time from a question to its answer"
    );
    describe_counter!(
        "tidegate_plugin_handler_calls_total",
        "Calls of a plugin's methods, by outcome: answered, refused (an error of the plugin's own), \
         failed (no answer), overloaded (too many under way, or no instance in time), dropped (the \
         caller left before it did anything)"
    );
    describe_gauge!(
        "tidegate_plugin_handler_calls_waiting",
        "Calls of a plugin's methods that are under way, those that wait for an instance included"
    );
    describe_histogram!(
        "tidegate_plugin_handler_call_seconds",
        Unit::Seconds,
        "Time from a call of a plugin's method to its answer, waiting for an instance included"
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
    pool: Option<PoolGauges>,
}

/// Of a plugin with a hook on the I/O engine.
struct PoolGauges {
    instances: Gauge,
    in_flight: Gauge,
}

impl PoolGauges {
    fn new(plugin: &str) -> Self {
        let plugin = plugin.to_owned();
        Self {
            instances: gauge!("tidegate_plugin_io_instances", "plugin" => plugin.clone()),
            in_flight: gauge!("tidegate_plugin_io_in_flight", "plugin" => plugin),
        }
    }
}

/// A field of the tally, summed over the workers.
type Field = fn(&Tally) -> &Count;

impl Meters {
    pub(super) fn new(plugin: &str, has_pool: bool, tallies: Vec<Arc<Tally>>) -> Self {
        let pool = has_pool.then(|| PoolGauges::new(plugin));
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
            pool,
        }
    }

    pub(super) fn sum(&self, field: Field) -> u64 {
        self.tallies.iter().map(|tally| field(tally).get()).sum()
    }

    pub(super) fn publish(&self, serving: &Generation) {
        self.calls.absolute(self.sum(|tally| &tally.calls));
        self.traps.absolute(self.sum(|tally| &tally.traps));
        self.timeouts.absolute(self.sum(|tally| &tally.timeouts));
        self.malformed.absolute(self.sum(|tally| &tally.malformed));
        self.refused.absolute(self.sum(|tally| &tally.refused));
        self.denials.absolute(self.sum(|tally| &tally.denials));
        self.remembered
            .absolute(self.sum(|tally| &tally.remembered));
        self.generation.set(serving.origin.generation as f64);
        self.tripped
            .set(if serving.is_tripped() { 1.0 } else { 0.0 });
        if let (Some(pool), Some(gauges)) = (&serving.pool, &self.pool) {
            let (instances, in_flight) = pool.counts();
            gauges.instances.set(instances as f64);
            gauges.in_flight.set(in_flight as f64);
        }
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
