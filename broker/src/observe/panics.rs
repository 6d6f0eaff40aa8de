//! Panics become log records, so that they are found where everything else is.

use std::sync::Once;

/// Sentry's own hook reports panics with their stack: its log layer leaves this target out.
pub(super) const TARGET: &str = "tidegate::panic";

static INSTALLED: Once = Once::new();

/// Replaces the default hook, which writes unstructured text to stderr.
pub(super) fn install() {
    INSTALLED.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let message = info.payload_as_str().unwrap_or("(no text)");
            let location = info.location().map(ToString::to_string).unwrap_or_default();
            let thread = std::thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            let backtrace = std::backtrace::Backtrace::capture();
            let backtrace = match backtrace.status() {
                std::backtrace::BacktraceStatus::Captured => backtrace.to_string(),
                _ => "set RUST_BACKTRACE=1 to have one".to_owned(),
            };
            tracing::error!(target: TARGET, message, location, thread, backtrace, "panicked");
        }));
    });
}
