//! The one table of settings: file keys, environment names, ranges, defaults and docs all come
//! from it. A row's default is what [`Raw::default`] holds where the row points.

mod auth;
mod bus;
mod kafka;
mod limits;
mod plugins;
mod seen;
mod server;
mod socketio;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use super::raw::Raw;

/// One row.
pub struct Setting {
    /// `section.key` in the file.
    pub key: &'static str,
    /// The variable, where it has a name of its own; else it follows from the key.
    pub env: Option<&'static str>,
    pub kind: Kind,
    /// Never shown, never in an error.
    pub secret: bool,
    /// What the default is when it is no constant.
    pub unset: &'static str,
    pub about: &'static str,
}

/// The shape of a value, its range, and where it goes.
pub enum Kind {
    Duration {
        at: fn(&mut Raw) -> &mut Duration,
        min: Duration,
        max: Duration,
    },
    Bytes {
        at: fn(&mut Raw) -> &mut usize,
        min: u64,
        max: u64,
    },
    Count {
        at: fn(&mut Raw) -> &mut dyn Whole,
        min: u64,
        max: u64,
    },
    Switch(fn(&mut Raw) -> &mut bool),
    Choice {
        of: &'static [&'static str],
        get: fn(&Raw) -> usize,
        set: fn(&mut Raw, usize),
    },
    Text {
        at: fn(&mut Raw) -> &mut String,
        check: Check,
    },
    Optional {
        at: fn(&mut Raw) -> &mut Option<String>,
        check: Check,
    },
    List {
        at: fn(&mut Raw) -> &mut Vec<String>,
        check: Check,
    },
    /// A list that may not be there, which is not the same as an empty one.
    OptionalList {
        at: fn(&mut Raw) -> &mut Option<Vec<String>>,
        check: Check,
    },
    Path(fn(&mut Raw) -> &mut Option<PathBuf>),
    /// The empty path is a value of its own: none, where unset is the default.
    PathOrNone(fn(&mut Raw) -> &mut Option<PathBuf>),
}

/// What is wrong with a text, phrased to follow the text itself.
pub type Check = fn(&str) -> Result<(), String>;

/// A whole number of any width; ranges are the rows' business.
pub trait Whole {
    fn get(&self) -> u64;
    fn put(&mut self, value: u64);
}

macro_rules! whole {
    ($($number:ty),*) => {$(
        impl Whole for $number {
            fn get(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
            fn put(&mut self, value: u64) {
                *self = Self::try_from(value).unwrap_or(Self::MAX);
            }
        }
    )*};
}
whole!(u16, u32, u64, usize);

/// Sections in the order in which they are shown.
pub fn sections() -> [(&'static str, &'static [Setting]); 12] {
    [
        ("server", server::SERVER),
        ("limits", limits::LIMITS),
        ("socketio", socketio::SOCKETIO),
        ("redis", bus::REDIS),
        ("kafka", kafka::KAFKA),
        ("auth", auth::AUTH),
        ("session", auth::SESSION),
        ("store", store::STORE),
        ("plugins", plugins::PLUGINS),
        ("admin", seen::ADMIN),
        ("log", seen::LOG),
        ("sentry", seen::SENTRY),
    ]
}

/// Tables of the file that hold any number of entries. One may lie in a section.
pub const TABLES: [(&str, &str); 5] = [
    (
        "topics",
        "a list; each entry: `pattern`, `slow_consumer` (disconnect, drop-oldest, latest-only), `coalesce` (0s to 10s)",
    ),
    (
        "kafka.properties",
        "librdkafka's property = value, over the broker's own defaults (`cooperative-sticky`, `auto.offset.reset = earliest`, `session.timeout.ms = 10000`, …); what `[kafka]` sets is refused here",
    ),
    (
        "ingest",
        "a list; each entry: `topic` (of Kafka), `mapper` (a plugin), `dead_letter` (a topic; unset = a record that fails is dropped and counted)",
    ),
    (
        "authorize",
        "topic pattern = name of the plugin that decides",
    ),
    (
        "plugin",
        "one table a plugin (`[plugin.NAME]`): `component`, `settings` (file or table), `sha256`, `publisher` (topic patterns), `http` (hosts), `store` and `sessions` (true or false), `enabled`",
    ),
];

/// Names the settings file; the only variable that is no setting.
pub const CONFIG_FILE: &str = "TIDEGATE_CONFIG";

pub fn all() -> impl Iterator<Item = &'static Setting> {
    sections().into_iter().flat_map(|(_, settings)| settings)
}

impl Setting {
    const fn new(key: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            key,
            env: None,
            kind,
            secret: false,
            unset: "",
            about,
        }
    }

    const fn env(mut self, name: &'static str) -> Self {
        self.env = Some(name);
        self
    }

    const fn unset(mut self, meaning: &'static str) -> Self {
        self.unset = meaning;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The variable that sets it.
    pub fn env_name(&self) -> String {
        self.env
            .map_or_else(|| derived_name(self.key), str::to_owned)
    }
}

/// `limits.frame_bytes` → `TIDEGATE_LIMITS_FRAME_BYTES`.
pub fn derived_name(key: &str) -> String {
    format!("TIDEGATE_{}", key.replace('.', "_").to_uppercase())
}

const fn duration(at: fn(&mut Raw) -> &mut Duration, min_ms: u64, max_s: u64) -> Kind {
    Kind::Duration {
        at,
        min: Duration::from_millis(min_ms),
        max: Duration::from_secs(max_s),
    }
}

const fn bytes(at: fn(&mut Raw) -> &mut usize, min: u64, max: u64) -> Kind {
    Kind::Bytes { at, min, max }
}

const fn count(at: fn(&mut Raw) -> &mut dyn Whole, min: u64, max: u64) -> Kind {
    Kind::Count { at, min, max }
}

const fn text(at: fn(&mut Raw) -> &mut String, check: Check) -> Kind {
    Kind::Text { at, check }
}

const fn optional(at: fn(&mut Raw) -> &mut Option<String>, check: Check) -> Kind {
    Kind::Optional { at, check }
}

const fn list(at: fn(&mut Raw) -> &mut Vec<String>, check: Check) -> Kind {
    Kind::List { at, check }
}

const fn optional_list(at: fn(&mut Raw) -> &mut Option<Vec<String>>, check: Check) -> Kind {
    Kind::OptionalList { at, check }
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
