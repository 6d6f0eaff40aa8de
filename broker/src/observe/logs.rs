//! Log records: pretty in a terminal, one JSON object a line otherwise.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::panics;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or directives such as `info,tidegate::bus=debug`.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty in a terminal, JSON otherwise.
    Auto,
    Pretty,
    Json,
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

pub(super) fn install(config: &LogConfig, to_sentry: bool) {
    // The settings have checked the filter.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let mut layers: Vec<BoxedLayer> = vec![records(config.format).with_filter(filter).boxed()];
    if to_sentry {
        let errors = ::sentry::integrations::tracing::ErrorLayer::new();
        layers.push(errors.with_filter(filter_fn(is_report)).boxed());
    }
    // Only tests install twice in one process; the first stays.
    let _ = tracing_subscriber::registry().with(layers).try_init();
}

/// Records go to stderr: stdout belongs to what commands print.
fn records(format: LogFormat) -> BoxedLayer {
    let terminal = std::io::stderr().is_terminal();
    let layer = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Auto if terminal => layer.with_ansi(true).boxed(),
        LogFormat::Pretty => layer.with_ansi(terminal).boxed(),
        LogFormat::Auto | LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn is_report(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::ERROR && metadata.target() != panics::TARGET
}
