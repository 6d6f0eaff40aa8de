//! Conditions with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for what must happen: far above what it takes, for the machine may be
/// busy with the other tests.
pub const PATIENCE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(15);

/// Polls `probe` until it answers `Some`; panics with `what` after [`PATIENCE`].
pub async fn until<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, probe).await
}

/// As [`until`], with a deadline of its own.
pub async fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            Instant::now() < end,
            "waited {deadline:?} in vain until {what}"
        );
        sleep(POLL).await;
    }
}

/// Awaits `future`; panics with `what` after [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
