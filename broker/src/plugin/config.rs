//! Checked settings of the plugin host.

use std::path::PathBuf;
use std::time::Duration;

use crate::topic::Pattern;

#[derive(Clone, Debug)]
pub struct PluginConfig {
    pub plugins: Vec<PluginSpec>,
    /// Most specific pattern wins; no match is denied.
    pub authorize: Vec<AuthorizeRule>,
    /// The plugin that turns session documents into principals.
    pub principals: Option<String>,
    /// Folder of compiled components (`.cwasm`), keyed by the component's hash and the engine's
    /// compatibility hash. Made with mode 0700.
    pub cache: PathBuf,
    /// Watch the components' and settings' files and reload on change.
    pub watch: bool,
    /// Thread CPU time that one call may use.
    pub call_deadline: Duration,
    /// Memory one instance may use, unless its manifest asks for less.
    pub memory_bytes: usize,
    /// Remembered decisions a worker keeps.
    pub remembered_decisions: usize,
    /// A new generation is on probation for this long or this many calls, whichever ends first.
    pub probation: Duration,
    pub probation_calls: u64,
    /// Traps or timeouts within `burst_window` that trip a plugin (and roll a candidate back).
    pub burst: u32,
    pub burst_window: Duration,
}

#[derive(Clone, Debug)]
pub struct PluginSpec {
    pub name: String,
    pub component: PathBuf,
    pub settings: PluginSettings,
    /// The component's sha256, if pinned: another file is refused.
    pub sha256: Option<[u8; 32]>,
    pub grants: Vec<Grant>,
}

#[derive(Clone, Debug)]
pub enum PluginSettings {
    /// A JSON object.
    Inline(serde_json::Value),
    /// A TOML or JSON file, by its ending; watched like the component.
    File(PathBuf),
    /// Like `File`, but no file means no settings; one that appears later is taken up.
    Beside(PathBuf),
}

/// What a plugin may be allowed beyond the imports that need no grant (log, settings, clock,
/// random).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// May publish on topics that match one of these.
    Publisher { topics: Vec<Pattern> },
    /// May send requests to these hosts (`host` or `host:port`).
    Http { hosts: Vec<String> },
}

impl Grant {
    /// The name of the grant and of the import it opens.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publisher { .. } => "publisher",
            Self::Http { .. } => "http",
        }
    }
}

#[derive(Clone, Debug)]
pub struct AuthorizeRule {
    pub pattern: Pattern,
    pub plugin: String,
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            plugins: Vec::new(),
            authorize: Vec::new(),
            principals: None,
            cache: PathBuf::from(".tidegate/cache"),
            watch: true,
            call_deadline: Duration::from_millis(5),
            memory_bytes: 32 << 20,
            remembered_decisions: 65_536,
            probation: Duration::from_secs(30),
            probation_calls: 1_000,
            burst: 3,
            burst_window: Duration::from_secs(10),
        }
    }
}
