//! Panics become log records, so that they are found where everything else is.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;

/// Sentry's own hook reports panics with their stack: its log layer leaves this target out.
pub(super) const TARGET: &str = "tidegate::panic";

static INSTALLED: Once = Once::new();

/// Replaces the default hook, which writes unstructured text to stderr. A hook that `others`
/// installs is called after the record is written: Sentry's takes its time.
pub(super) fn install<T>(others: impl FnOnce() -> T) -> T {
    if INSTALLED.is_completed() {
        return others();
    }
    panic::set_hook(Box::new(|_| {}));
    let result = others();
    INSTALLED.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            record(info);
            next(info);
        }));
    });
    result
}

fn record(info: &PanicHookInfo<'_>) {
    let panic = info.payload_as_str().unwrap_or("(no text)");
    let location = info.location().map(ToString::to_string);
    let location = location.unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let backtrace = std::backtrace::Backtrace::capture().to_string();
    tracing::error!(target: TARGET, panic, location, thread, backtrace, "panicked");
}
