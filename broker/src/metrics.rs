//! The Prometheus exporter, and what the process itself shows.
//!
//! Every metric is `tidegate_*` with its unit in the name; each module describes its own, and
//! `docs/metrics.md` lists them one by one. Histograms are named `*_seconds` or `*_bytes`: the
//! buckets hang on the name.

mod process;

use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// From a remembered decision to a client that is given up.
const SECONDS: [f64; 16] = [
    1e-6, 2.5e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0, 10.0,
];
const BYTES: [f64; 9] = [
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    16_777_216.0,
];

/// Samples wait in memory until they are folded into buckets, scraped or not.
const UPKEEP: Duration = Duration::from_secs(5);

static EXPORTER: OnceLock<Result<Exporter, String>> = OnceLock::new();

/// Renders what was measured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// The text that Prometheus scrapes. Reads `/proc`, so it may take milliseconds with many
    /// open files: not for a worker.
    pub fn render(&self) -> String {
        process::measure();
        self.0.render()
    }
}

/// Installs the recorder of the process and a thread that keeps it small; further calls answer the
/// same exporter.
///
/// # Errors
/// If the process has another recorder or no thread can be made.
pub fn install() -> Result<Exporter, String> {
    EXPORTER.get_or_init(make).clone()
}

fn make() -> Result<Exporter, String> {
    let builder = PrometheusBuilder::new();
    let handle = builder
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|b| b.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES))
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("cannot install the metrics recorder: {error}"))?;
    let upkeep = handle.clone();
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                upkeep.run_upkeep();
            }
        })
        .map_err(|error| format!("cannot start the metrics thread: {error}"))?;
    Ok(Exporter(handle))
}

/// Called once at start, after [`install`].
pub fn describe_metrics() {
    describe_gauge!(
        "tidegate_build_info",
        "Always 1; the label `version` is the broker's, `node` is the id of this node"
    );
    describe_gauge!(
        "tidegate_process_open_files",
        "Open file descriptors, sockets among them"
    );
    describe_gauge!(
        "tidegate_process_max_files",
        "File descriptors that the process may open"
    );
    describe_gauge!(
        "tidegate_process_resident_memory_bytes",
        Unit::Bytes,
        "Memory of the process that is in RAM"
    );
    describe_gauge!(
        "tidegate_process_cpu_seconds",
        Unit::Seconds,
        "CPU time used by the process, user and system"
    );
    describe_gauge!(
        "tidegate_process_start_time_seconds",
        Unit::Seconds,
        "When the process started, since 1970"
    );
}

/// Shows the version and `node`, the id of this node. Called once at start, after [`install`].
pub fn show_build(node: &str) {
    let (version, node) = (env!("CARGO_PKG_VERSION"), node.to_owned());
    gauge!("tidegate_build_info", "version" => version, "node" => node).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_shows_itself_and_its_histograms_have_buckets() {
        let exporter = install().expect("an exporter");
        describe_metrics();
        show_build("n1");
        ::metrics::histogram!("tidegate_test_seconds").record(0.002);
        let before = exporter.render();
        assert!(
            before.contains("# TYPE tidegate_process_open_files gauge"),
            "{before}"
        );
        assert!(
            before.contains("tidegate_test_seconds_bucket{le=\"0.005\"} 1"),
            "{before}"
        );
        assert!(
            before.contains("tidegate_build_info{version=\"0.1.0\",node=\"n1\"} 1"),
            "{before}"
        );

        let open = |text: &str| number(text, "tidegate_process_open_files");
        let held: Vec<_> = (0..50).map(|_| std::fs::File::open("/dev/null")).collect();
        // Other tests of this process open and close files meanwhile.
        assert!(open(&exporter.render()) >= 50.0);
        drop(held);
        assert!(number(&before, "tidegate_process_resident_memory_bytes") > 1e6);
        assert!(number(&before, "tidegate_process_cpu_seconds") > 0.0);
        assert!(number(&before, "tidegate_process_start_time_seconds") > 1.7e9);
        assert!(number(&before, "tidegate_process_max_files") > 100.0);
    }

    fn number(text: &str, name: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).trim().parse().expect("a number")
    }
}
