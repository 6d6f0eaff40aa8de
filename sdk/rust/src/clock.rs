//! The time, from the host: `std`'s clocks panic in a component.

use std::time::Duration;

use crate::host::clock;

/// Since 1970-01-01T00:00:00Z, in whole milliseconds. May go back.
pub fn now() -> Duration {
    Duration::from_millis(clock::now_ms())
}

/// Since an unspecified start, to measure with; never goes back.
pub fn monotonic() -> Duration {
    Duration::from_nanos(clock::monotonic_ns())
}
