//! What an operator sees of a plugin.

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginStatus {
    pub name: String,
    /// As the manifest says.
    pub version: String,
    /// Of the component that serves, in hex.
    pub sha256: String,
    /// Counted from 1 at start.
    pub generation: u64,
    pub state: State,
    /// The last failed call or refused candidate.
    pub last_error: Option<String>,
    /// Calls made into the plugin since start, remembered answers not among them.
    pub calls: u64,
    pub traps: u64,
    pub timeouts: u64,
    pub malformed: u64,
    /// Questions answered by a remembered decision.
    pub remembered: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Serving,
    /// New: the generation before stays warm.
    Probation,
    /// Failed repeatedly; asked once per back-off.
    Tripped,
}
