//! Checked settings of the plugin host.

use std::path::PathBuf;
use std::time::Duration;

use crate::topic::Pattern;

pub use super::environment::Environment;
pub use super::reach::HttpHost;

#[derive(Clone, Debug)]
pub struct PluginConfig {
    pub plugins: Vec<PluginSpec>,
    /// Most specific pattern wins; no match is denied.
    pub authorize: Vec<AuthorizeRule>,
    /// The plugin that turns session documents into principals.
    pub principals: Option<String>,
    /// Which plugin maps the records of which topic of a source.
    pub mappers: Vec<MapperClaim>,
    /// The plugin that says who may stay.
    pub admission: Option<String>,
    /// The plugins whose methods clients may call, each `NAME.method`.
    pub handlers: Vec<String>,
    /// Folder of compiled components (`.cwasm`), keyed by the component's hash and the engine's
    /// compatibility hash. Made with mode 0700.
    pub cache: PathBuf,
    /// Watch the components' and settings' files and reload on change.
    pub watch: bool,
    /// Thread CPU time that one call may use.
    pub call_deadline: Duration,
    /// The same for a batch of records, beside 1 ms for each record in it.
    pub map_deadline: Duration,
    /// What an admission may take, and who may wait for one.
    pub admission_limits: AdmissionLimits,
    /// The same for a call of a method.
    pub handler_limits: HandlerLimits,
    /// What `${NAME}` stands for in settings of plugins.
    pub environment: Environment,
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

/// `topic` is a source's topic; it stands in errors only.
#[derive(Clone, Debug)]
pub struct MapperClaim {
    pub topic: String,
    pub plugin: String,
}

#[derive(Clone, Copy, Debug)]
pub struct AdmissionLimits {
    /// Wall time for one answer, what the plugin waits for and its own waiting for an instance
    /// included.
    pub deadline: Duration,
    /// CPU time for one answer.
    pub cpu: Duration,
    /// Instances that answer beside each other; made when they are needed.
    pub instances: u32,
    /// Questions under way at once, those that wait for an instance included; more are turned
    /// away.
    pub questions: usize,
    /// Answers remembered.
    pub remembered: usize,
}

/// Of each plugin that has methods.
#[derive(Clone, Copy, Debug)]
pub struct HandlerLimits {
    /// Wall time for one call, what the plugin waits for and its own waiting for an instance
    /// included.
    pub deadline: Duration,
    /// CPU time for one call.
    pub cpu: Duration,
    /// Instances that answer beside each other; made when they are needed.
    pub instances: u32,
    /// Calls under way at once, those that wait for an instance included; more are refused.
    pub calls: u32,
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
    /// May send requests to these hosts.
    Http { hosts: Vec<HttpHost> },
    /// May use the tables that its manifest declares.
    Store,
    /// May create and destroy sessions of browsers.
    Sessions,
}

impl Grant {
    /// The name of the grant and of the import it opens.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Publisher { .. } => "publisher",
            Self::Http { .. } => "http",
            Self::Store => "store",
            Self::Sessions => "sessions",
        }
    }

    /// The topics that these grants let a plugin publish on.
    pub(super) fn topics(grants: &[Self]) -> Vec<Pattern> {
        let topics = grants.iter().filter_map(|grant| match grant {
            Self::Publisher { topics } => Some(topics.iter().cloned()),
            _ => None,
        });
        topics.flatten().collect()
    }

    /// The hosts that these grants let a plugin send requests to.
    pub(super) fn hosts(grants: &[Self]) -> Vec<HttpHost> {
        let hosts = grants.iter().filter_map(|grant| match grant {
            Self::Http { hosts } => Some(hosts.iter().cloned()),
            _ => None,
        });
        hosts.flatten().collect()
    }
}

#[derive(Clone, Debug)]
pub struct AuthorizeRule {
    pub pattern: Pattern,
    pub plugin: String,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            cpu: Duration::from_millis(50),
            instances: 64,
            questions: 10_000,
            remembered: 100_000,
        }
    }
}

impl Default for HandlerLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            cpu: Duration::from_millis(50),
            instances: 32,
            calls: 1_000,
        }
    }
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self {
            plugins: Vec::new(),
            authorize: Vec::new(),
            principals: None,
            mappers: Vec::new(),
            admission: None,
            handlers: Vec::new(),
            cache: PathBuf::from(".tidegate/cache"),
            watch: true,
            call_deadline: Duration::from_millis(5),
            map_deadline: Duration::from_millis(50),
            admission_limits: AdmissionLimits::default(),
            handler_limits: HandlerLimits::default(),
            environment: Environment::default(),
            memory_bytes: 32 << 20,
            remembered_decisions: 65_536,
            probation: Duration::from_secs(30),
            probation_calls: 1_000,
            burst: 3,
            burst_window: Duration::from_secs(10),
        }
    }
}
