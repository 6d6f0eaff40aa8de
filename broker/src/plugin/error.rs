//! What can go wrong with a plugin, and who is told.

use std::path::PathBuf;

/// Why the plugin host does not start. Names the plugin.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    #[error("plugin `{name}`: {cause}")]
    Load {
        name: String,
        #[source]
        cause: LoadError,
    },
    #[error("two plugins are named `{0}`")]
    DuplicateName(String),
    #[error("topic pattern `{pattern}` is claimed twice, by plugin `{first}` and by `{second}`")]
    DuplicateRule {
        pattern: String,
        first: String,
        second: String,
    },
    #[error("{claim} names plugin `{name}`, which is not configured")]
    Unknown { claim: String, name: String },
    #[error(
        "table `{table}` is declared by plugin `{first}` and by `{second}`: a table belongs to one \
         plugin"
    )]
    DuplicateTable {
        table: String,
        first: String,
        second: String,
    },
    #[error("cannot make the plugin engine: {0}")]
    Engine(String),
    #[error("cannot start thread `{name}`: {source}")]
    Thread {
        name: &'static str,
        source: std::io::Error,
    },
}

/// Why a candidate does not serve. Names the file and the place in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: String },
    #[error("{} keeps changing", path.display())]
    Unsettled { path: PathBuf },
    #[error(
        "{} is not the pinned component: its sha256 is {found}, the settings say {pinned}",
        path.display()
    )]
    Pin {
        path: PathBuf,
        pinned: String,
        found: String,
    },
    #[error("{} is no WebAssembly component: {cause}", path.display())]
    Parse { path: PathBuf, cause: String },
    #[error("{}: manifest (custom section `tidegate:manifest`): {cause}", path.display())]
    Manifest { path: PathBuf, cause: String },
    #[error("settings {origin}: {cause}")]
    Settings { origin: String, cause: String },
    #[error("{} does not fit this broker: {}", path.display(), problems.join("; "))]
    Contract {
        path: PathBuf,
        problems: Vec<String>,
    },
    #[error("{}: its tables ({}) are refused: {cause}", path.display(), tables.join(", "))]
    Tables {
        path: PathBuf,
        tables: Vec<String>,
        cause: String,
    },
    #[error("{}: cannot compile: {cause}", path.display())]
    Compile { path: PathBuf, cause: String },
    #[error("{}: cannot instantiate: {cause}", path.display())]
    Instantiate { path: PathBuf, cause: String },
    #[error("{}: `{step}` refused: {code}: {message}", path.display())]
    Refused {
        path: PathBuf,
        step: &'static str,
        code: String,
        message: String,
    },
    #[error("{}: `{step}` failed: {fault}", path.display())]
    Fault {
        path: PathBuf,
        step: &'static str,
        fault: String,
    },
}

/// A call that got no answer: the client is told `ERR_SERVER`, never that it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("the plugin trapped")]
    Trapped,
    #[error("the plugin used up its time")]
    TimedOut,
    #[error("the plugin's answer is malformed")]
    Malformed,
    #[error("the plugin failed repeatedly and is not asked for a while")]
    Tripped,
    #[error("the plugin's instance failed and the next one is not ready")]
    Restarting,
    #[error("no instance of the plugin became free in time")]
    Busy,
    #[error("no plugin of that name is configured for this hook")]
    NotConfigured,
}

/// Why a session document became no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// The plugin's own refusal; both texts are for the client.
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no plugin turns sessions into principals")]
    NoPlugin,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no plugin is named `{0}`")]
pub struct UnknownPlugin(pub String);
