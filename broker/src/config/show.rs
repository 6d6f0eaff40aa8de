//! Settings as text: the effective ones, the reference page, `.env.example`.

use std::fmt::Write;

use super::origin::Origin;
use super::put::{grammar, show};
use super::raw::Raw;
use super::reading::Reading;
use super::table::{self, CONFIG_FILE, Kind, Setting, TABLES, derived_name};
use crate::plugin::PluginSettings;

impl Reading {
    /// The effective settings as TOML, each with where it came from; secrets masked.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let mut raw = self.raw.clone();
        for (section, settings) in table::sections() {
            let _ = writeln!(text, "[{section}]");
            for setting in settings {
                let key = setting.key.rsplit('.').next().unwrap_or_default();
                let origin = match self.origin_of(setting.key) {
                    Origin::Environment => format!("environment: {}", setting.env_name()),
                    other => other.to_string(),
                };
                let _ = match show(setting, &mut raw) {
                    Some(value) => writeln!(text, "{key} = {value}  # {origin}"),
                    None => writeln!(text, "# {key} is unset: {}", unset(setting)),
                };
            }
            text.push('\n');
        }
        self.show_tables(&mut text);
        text
    }

    fn show_tables(&self, text: &mut String) {
        let _ = writeln!(text, "[authorize]  # {}", self.origin_of("authorize"));
        let Ok(settings) = self.settings() else {
            return;
        };
        for rule in &settings.plugin.authorize {
            let _ = writeln!(text, "{:?} = {:?}", rule.pattern.as_str(), rule.plugin);
        }
        for plugin in &settings.plugin.plugins {
            let named = self
                .raw
                .named_plugins
                .iter()
                .find(|named| named.name == plugin.name);
            let origin = named.map(|named| named.origin.clone()).unwrap_or_default();
            let _ = writeln!(text, "\n[plugin.{}]  # {origin}", plugin.name);
            let component = plugin.component.display().to_string();
            let _ = writeln!(text, "component = {component:?}");
            if let PluginSettings::File(file) | PluginSettings::Beside(file) = &plugin.settings {
                let _ = writeln!(text, "settings = {:?}", file.display().to_string());
            }
            for grant in &plugin.grants {
                let _ = writeln!(text, "# granted: {}", grant.name());
            }
        }
        for rule in &settings.source.ingest {
            let _ = writeln!(text, "\n[[ingest]]  # {}", self.origin_of("ingest"));
            let _ = writeln!(text, "topic = {:?}", rule.topic);
            let _ = writeln!(text, "mapper = {:?}", rule.mapper);
            let _ = match &rule.dead_letter {
                Some(topic) => writeln!(text, "dead_letter = {topic:?}"),
                None => writeln!(text, "# dead_letter is unset: failed records are dropped"),
            };
        }
        if !self.raw.kafka.properties.is_empty() {
            let origin = self.origin_of("kafka.properties");
            let _ = writeln!(
                text,
                "\n[kafka.properties]  # {origin}; values may be secrets"
            );
            for name in self.raw.kafka.properties.keys() {
                let _ = writeln!(text, "{name:?} = \"***\"");
            }
        }
        for rule in &settings.topics {
            let _ = writeln!(text, "\n[[topics]]  # {}", self.origin_of("topics"));
            let _ = writeln!(text, "pattern = {:?}", rule.pattern.as_str());
            let _ = writeln!(
                text,
                "# {:?}, coalesce {:?}",
                rule.slow_consumer, rule.coalesce
            );
        }
    }
}

/// `docs/settings.md`, from the table.
pub fn settings_doc() -> String {
    let mut text = String::from(DOC_HEAD);
    for (section, settings) in table::sections() {
        let _ = write!(
            text,
            "\n## `[{section}]`\n\n| key | variable | value | default | meaning |\n|---|---|---|---|---|\n"
        );
        for setting in settings {
            let key = setting.key.rsplit('.').next().unwrap_or_default();
            let _ = writeln!(
                text,
                "| `{key}` | `{}` | {} | {} | {} |",
                setting.env_name(),
                grammar(&setting.kind),
                default_of(setting).map_or_else(|| unset(setting), |value| format!("`{value}`")),
                setting.about,
            );
        }
    }
    text.push_str(
        "\n## Tables\n\nFile only by nature; the variable takes the same as inline TOML.\n\n",
    );
    text.push_str("| table | variable | entries |\n|---|---|---|\n");
    for (name, about) in TABLES {
        let _ = writeln!(text, "| `{name}` | `{}` | {about} |", derived_name(name));
    }
    text.push_str(DOC_TAIL);
    text
}

/// `.env.example`, from the table: the variables with names of their own.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Copy to `.env`. Every setting is listed in docs/settings.md; the environment wins over\n\
         # this file, and this file over tidegate.toml.\n",
    );
    let _ = write!(
        text,
        "\n# The settings file.\n#{CONFIG_FILE}=tidegate.toml\n"
    );
    for setting in table::all().filter(|setting| setting.env.is_some()) {
        let value = match (&setting.kind, default_of(setting)) {
            (Kind::List { .. }, _) | (_, None) => String::new(),
            (_, Some(value)) => value.trim_matches('"').to_owned(),
        };
        let about = setting.about.replace('`', "");
        let _ = write!(text, "\n# {about}");
        if !setting.unset.is_empty() {
            let _ = write!(text, " Default: {}.", setting.unset.replace('`', ""));
        }
        let _ = write!(text, "\n#{}={value}\n", setting.env_name());
    }
    text
}

fn default_of(setting: &Setting) -> Option<String> {
    if !setting.unset.is_empty() {
        return None;
    }
    show(setting, &mut Raw::default())
}

fn unset(setting: &Setting) -> String {
    match setting.unset {
        "" => "none".to_owned(),
        meaning => meaning.to_owned(),
    }
}

const DOC_HEAD: &str = "# Settings

Made from `broker/src/config/table/`; a test holds this page to it
(`UPDATE_DOCS=1 cargo test -p tidegate --lib config` writes it anew).

`tidegate.toml` in the current folder (or the file that `--config` or `TIDEGATE_CONFIG` names) is
overridden by `.env` in the current folder, and that by the environment. An empty variable is an
unset one. An unknown key or an unknown `TIDEGATE_*` variable is refused; other variables are none
of Tidegate's business. `tidegate config show` prints what is in effect and where it came from,
`tidegate config check` what is wrong.

Durations are a number and `ms`, `s`, `m`, `h` or `d`; sizes are bytes, or a number and `KiB`,
`MiB` or `GiB`. Lists are arrays in the file and comma-separated in variables. Relative paths are
meant from the folder of the settings file if they stand there, else from the current folder.
";

const DOC_TAIL: &str = r#"
```toml
[[topics]]
pattern = "telemetry:**"
slow_consumer = "latest-only"
coalesce = "10ms"

[[ingest]]                             # Kafka's topic, and POST /ingest/orders
topic = "orders"
mapper = "game"
dead_letter = "orders-failed"

[kafka.properties]                     # whatever librdkafka knows
"security.protocol" = "SASL_SSL"
"sasl.mechanisms" = "SCRAM-SHA-512"    # PLAIN and OAUTHBEARER too; GSSAPI is not built in

[authorize]            # the most specific pattern wins, no match is denied
"**" = "gateway"
"game:**" = "game"

[plugin.game]
component = "plugins/game.wasm"        # default: NAME.wasm in plugins.folder
settings = { rounds = 3 }              # or a TOML or JSON file; default: NAME.toml beside the component
publisher = ["game:**"]                # grants
http = ["scores.example.com"]
```

In the values of a plugin's settings (inline or in its file) and of its grants, `${NAME}` stands for
a variable of `.env` or the environment, `${NAME:-default}` for one that may be unset or empty, and
`$${` for `${` itself. An unset variable without a default is the empty text; a grant that becomes
empty is dropped. A host that is granted without a port is granted with its scheme's own; of a URL
only host and port count. Requests follow no redirects and use no proxy.

The shipped plugin `notifications` is granted `publisher = ["user:*:**"]` and
`http = ["${USER_SERVICE_URL}"]`, unless its `[plugin.notifications]` table says otherwise.

Without `[[ingest]]` the notifications plugin, if it is there, maps `user-notifications`. Without
`[authorize]` the gateway plugin decides about every topic. A shipped plugin that is found
in `plugins.folder` is loaded without a `[plugin.NAME]` table; `enabled = false` in one leaves it
out.
"#;
