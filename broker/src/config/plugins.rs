//! Which plugins there are: the shipped ones found in the folder, and `[plugin.NAME]`.

use std::path::{Path, PathBuf};

use crate::plugin::{AuthorizeRule, Environment, Grant, PluginConfig, PluginSettings, PluginSpec};
use crate::topic::Pattern;

use super::origin::{Origin, Problems};
use super::raw::Raw;
use super::tables::{http_grant, publisher_grant};

/// A plugin that is loaded without being asked for, if its component is in the folder, and what
/// it is granted unless its `[plugin.NAME]` table says otherwise.
struct Shipped {
    name: &'static str,
    publisher: &'static [&'static str],
    http: &'static [&'static str],
    /// Those without arguments.
    plain: &'static [Grant],
}

const SHIPPED: [Shipped; 3] = [
    Shipped {
        name: DEFAULT_PLUGIN,
        publisher: &[],
        http: &[],
        plain: &[],
    },
    Shipped {
        name: DEFAULT_ADMISSION,
        publisher: &["user:*:**"],
        http: &["${USER_SERVICE_URL}"],
        plain: &[],
    },
    Shipped {
        name: DEFAULT_HANDLER,
        publisher: &["chat:**"],
        http: &[],
        plain: &[Grant::Store, Grant::Sessions],
    },
];

/// Who authorizes, and who makes principals, unless the settings say otherwise.
const DEFAULT_PLUGIN: &str = "gateway";
/// Who says who may stay, unless the settings say otherwise.
const DEFAULT_ADMISSION: &str = "notifications";
/// Whose methods clients may call, unless the settings say otherwise.
const DEFAULT_HANDLER: &str = "chat";

impl Shipped {
    fn of(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|shipped| shipped.name == name)
    }

    /// Those of its grants that are neither `given` nor `withheld`.
    fn grants(
        &self,
        given: &[Grant],
        withheld: &[&'static str],
        environment: &Environment,
    ) -> Result<Vec<Grant>, (&'static str, String)> {
        let texts = |patterns: &[&str]| -> Vec<String> {
            patterns.iter().map(|text| (*text).to_owned()).collect()
        };
        let is_given = |name: &str| given.iter().any(|grant| grant.name() == name);
        let is_decided = |name: &str| withheld.contains(&name) || is_given(name);
        let mut grants = Vec::new();
        if !self.publisher.is_empty() && !is_given("publisher") {
            let grant = publisher_grant(&texts(self.publisher), environment);
            grants.push(grant.map_err(|what| ("publisher", what))?);
        }
        if !self.http.is_empty() && !is_given("http") {
            let grant = http_grant(&texts(self.http), environment);
            grants.push(grant.map_err(|what| ("http", what))?);
        }
        let plain = self.plain.iter().filter(|grant| !is_decided(grant.name()));
        grants.extend(plain.cloned());
        Ok(grants)
    }
}

/// A `[plugin.NAME]` table.
#[derive(Clone, Debug)]
pub struct NamedPlugin {
    pub origin: Origin,
    pub name: String,
    pub enabled: bool,
    pub component: Option<PathBuf>,
    pub settings: Option<PluginSettings>,
    pub sha256: Option<[u8; 32]>,
    pub grants: Vec<Grant>,
    /// Grants without arguments that it is not to have.
    pub withheld: Vec<&'static str>,
}

impl NamedPlugin {
    /// Grants it or withholds it.
    pub fn grant(&mut self, grant: Grant, granted: bool) {
        if granted {
            self.grants.push(grant);
        } else {
            self.withheld.push(grant.name());
        }
    }
}

/// The checked configuration of the plugin host.
pub fn assemble(
    raw: &Raw,
    folder: &Path,
    data: &Path,
    environment: &Environment,
    problems: &mut Problems,
) -> PluginConfig {
    let mut plugins: Vec<PluginSpec> = Vec::new();
    for Shipped { name, .. } in SHIPPED {
        let is_named = raw.named_plugins.iter().any(|plugin| plugin.name == name);
        let component = folder.join(format!("{name}.wasm"));
        if !is_named && component.is_file() {
            plugins.push(found(name, component));
        }
    }
    let enabled = raw.named_plugins.iter().filter(|plugin| plugin.enabled);
    plugins.extend(enabled.map(|plugin| named(plugin, folder)));

    for plugin in &mut plugins {
        let Some(shipped) = Shipped::of(&plugin.name) else {
            continue;
        };
        let named = raw.named_plugins.iter();
        let named = named.filter(|named| named.name == plugin.name);
        let withheld: Vec<_> = named.flat_map(|named| named.withheld.clone()).collect();
        match shipped.grants(&plugin.grants, &withheld, environment) {
            Ok(grants) => plugin.grants.extend(grants),
            Err((grant, what)) => {
                let name = format!("plugin.{}.{grant}", plugin.name);
                problems.add(Origin::Default, name, what);
            }
        }
    }

    let has = |name: &str| plugins.iter().any(|plugin| plugin.name == name);
    let (has_default, has_admission) = (has(DEFAULT_PLUGIN), has(DEFAULT_ADMISSION));
    let default_rules = || {
        let everything = Pattern::parse("**").ok().filter(|_| has_default);
        let rule = everything.map(|pattern| AuthorizeRule {
            pattern,
            plugin: DEFAULT_PLUGIN.to_owned(),
        });
        rule.into_iter().collect()
    };
    let has_handler = has(DEFAULT_HANDLER);
    let default_handlers = || {
        let chat = has_handler.then(|| DEFAULT_HANDLER.to_owned());
        chat.into_iter().collect()
    };
    PluginConfig {
        plugins,
        authorize: raw.authorize.clone().unwrap_or_else(default_rules),
        principals: claim(
            raw.plugins.principals.as_deref(),
            DEFAULT_PLUGIN,
            has_default,
        ),
        admission: claim(
            raw.plugins.admission.as_deref(),
            DEFAULT_ADMISSION,
            has_admission,
        ),
        handlers: raw.handlers.clone().unwrap_or_else(default_handlers),
        environment: environment.clone(),
        cache: raw
            .plugin_cache
            .clone()
            .unwrap_or_else(|| data.join("cache")),
        ..raw.plugins.clone()
    }
}

/// Who answers; an empty name is nobody, no name the default if it is there.
fn claim(given: Option<&str>, default: &str, has_default: bool) -> Option<String> {
    match given {
        None => has_default.then(|| default.to_owned()),
        Some("") => None,
        Some(name) => Some(name.to_owned()),
    }
}

/// What only serving asks for: someone who authorizes, and a plugin behind every name.
pub fn check_serving(
    config: &PluginConfig,
    raw: &Raw,
    folder: &Path,
    origin_of: impl Fn(&str) -> Origin,
    problems: &mut Problems,
) {
    if config.authorize.is_empty() && raw.authorize.is_none() {
        let missing = folder.join(format!("{DEFAULT_PLUGIN}.wasm"));
        let what = format!(
            "nobody authorizes topics: {} is not there and the settings have no [authorize]; \
             build it with `cargo xtask build`, or name the plugins' folder in TIDEGATE_PLUGINS",
            missing.display()
        );
        problems.add(Origin::Default, "", what);
    }
    let known = |name: &str| config.plugins.iter().any(|plugin| plugin.name == name);
    for rule in config.authorize.iter().filter(|rule| !known(&rule.plugin)) {
        let what = format!(
            "names the plugin {:?}, which is not configured",
            rule.plugin
        );
        let name = format!("authorize.{:?}", rule.pattern.as_str());
        problems.add(origin_of("authorize"), name, what);
    }
    let one = [
        ("plugins.principals", &config.principals),
        ("plugins.admission", &config.admission),
    ];
    let one = one
        .into_iter()
        .filter_map(|(key, name)| Some((key, name.as_deref()?)));
    let handlers = config.handlers.iter();
    let handlers = handlers.map(|name| ("plugins.handlers", name.as_str()));
    for (key, name) in one.chain(handlers).filter(|(_, name)| !known(name)) {
        let what = format!("names the plugin {name:?}, which is not configured");
        problems.add(origin_of(key), key, what);
    }
    for plugin in &config.plugins {
        if !plugin.component.is_file() {
            let what = format!("component {} is not there", plugin.component.display());
            let origin = raw
                .named_plugins
                .iter()
                .find(|named| named.name == plugin.name);
            let origin = origin.map(|named| named.origin.clone()).unwrap_or_default();
            problems.add(origin, format!("plugin.{}", plugin.name), what);
        }
    }
}

fn found(name: &str, component: PathBuf) -> PluginSpec {
    PluginSpec {
        name: name.to_owned(),
        settings: settings_beside(&component),
        component,
        sha256: None,
        grants: Vec::new(),
    }
}

fn named(plugin: &NamedPlugin, folder: &Path) -> PluginSpec {
    let in_folder = || folder.join(format!("{}.wasm", plugin.name));
    let component = plugin.component.clone().unwrap_or_else(in_folder);
    let settings = plugin.settings.clone();
    PluginSpec {
        name: plugin.name.clone(),
        settings: settings.unwrap_or_else(|| settings_beside(&component)),
        component,
        sha256: plugin.sha256,
        grants: plugin.grants.clone(),
    }
}

/// `NAME.toml` beside `NAME.wasm`, be it there now or later.
fn settings_beside(component: &Path) -> PluginSettings {
    PluginSettings::Beside(component.with_extension("toml"))
}
