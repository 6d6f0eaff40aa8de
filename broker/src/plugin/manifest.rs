//! What a component says of itself.

use serde::Deserialize;

use crate::store::Table;

/// The custom section that holds the manifest.
pub(super) const SECTION: &str = "tidegate:manifest";

/// JSON in the custom section; a component that has none is no plugin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) hooks: Vec<String>,
    #[serde(default)]
    pub(super) grants: Vec<String>,
    /// Memory one instance may use, in MiB; the settings may allow less.
    #[serde(default)]
    pub(super) memory_mib: Option<u32>,
    /// How often a record is tried again that the mapper failed on with a retryable error.
    #[serde(default = "default_retries")]
    pub(super) retries: u32,
    /// Tables that it uses; no other plugin does.
    #[serde(default)]
    pub(super) tables: Vec<Table>,
    /// Methods that may be called over `POST /call` only, each whole: `chat.register`.
    #[serde(default)]
    pub(super) http_methods: Vec<String>,
}

fn default_retries() -> u32 {
    3
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    Authorizer,
    Principals,
    Mapper,
    Admission,
    Handler,
    Lifecycle,
}

impl Hook {
    pub(super) const ALL: [Self; 6] = [
        Self::Authorizer,
        Self::Principals,
        Self::Mapper,
        Self::Admission,
        Self::Handler,
        Self::Lifecycle,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authorizer => "authorizer",
            Self::Principals => "principals",
            Self::Mapper => "mapper",
            Self::Admission => "admission",
            Self::Handler => "handler",
            Self::Lifecycle => "lifecycle",
        }
    }
}

impl Manifest {
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        for (at, table) in manifest.tables.iter().enumerate() {
            table.check()?;
            let before = &manifest.tables[..at];
            if before.iter().any(|other| other.name == table.name) {
                return Err(format!("table {:?} is declared twice", table.name));
            }
        }
        Ok(manifest)
    }

    /// What of a method of `http_methods` follows the plugin's name: the settings may give the
    /// plugin another name than its manifest does. `None` = it is no method of this plugin.
    pub(super) fn own_method<'a>(&self, method: &'a str) -> Option<&'a str> {
        let own = method.strip_prefix(self.name.as_str())?.strip_prefix('.');
        own.filter(|own| !own.is_empty())
    }

    pub(super) fn memory_bytes(&self, allowed: usize) -> usize {
        match self.memory_mib {
            Some(mib) => allowed.min((mib as usize).saturating_mul(1 << 20)),
            None => allowed,
        }
    }
}
