//! A thread and what lives on it.

use crate::config::Settings;

/// Serves until the process is told to end.
pub fn serve(settings: Settings) -> anyhow::Result<()> {
    let _ = settings;
    anyhow::bail!("serving is not built into this branch")
}
