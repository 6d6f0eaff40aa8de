//! Which plugins there are: the shipped ones found in the folder, and `[plugin.NAME]`.

use std::path::{Path, PathBuf};

use crate::plugin::{AuthorizeRule, Grant, PluginConfig, PluginSettings, PluginSpec};
use crate::topic::Pattern;

use super::origin::{Origin, Problems};
use super::raw::Raw;

/// What is loaded without being asked for, if its component is in the folder.
const SHIPPED: [&str; 1] = ["gateway"];

/// Who authorizes, and who makes principals, unless the settings say otherwise.
const DEFAULT_PLUGIN: &str = "gateway";

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
}

/// The checked configuration of the plugin host.
pub fn assemble(raw: &Raw, folder: &Path, data: &Path) -> PluginConfig {
    let mut plugins: Vec<PluginSpec> = Vec::new();
    for name in SHIPPED {
        let is_named = raw.named_plugins.iter().any(|plugin| plugin.name == name);
        let component = folder.join(format!("{name}.wasm"));
        if !is_named && component.is_file() {
            plugins.push(found(name, component));
        }
    }
    let enabled = raw.named_plugins.iter().filter(|plugin| plugin.enabled);
    plugins.extend(enabled.map(|plugin| named(plugin, folder)));

    let has_default = plugins.iter().any(|plugin| plugin.name == DEFAULT_PLUGIN);
    let default_rules = || {
        let everything = Pattern::parse("**").ok().filter(|_| has_default);
        let rule = everything.map(|pattern| AuthorizeRule {
            pattern,
            plugin: DEFAULT_PLUGIN.to_owned(),
        });
        rule.into_iter().collect()
    };
    PluginConfig {
        plugins,
        authorize: raw.authorize.clone().unwrap_or_else(default_rules),
        principals: match raw.plugins.principals.as_deref() {
            None => has_default.then(|| DEFAULT_PLUGIN.to_owned()),
            Some("") => None,
            Some(name) => Some(name.to_owned()),
        },
        cache: raw
            .plugin_cache
            .clone()
            .unwrap_or_else(|| data.join("cache")),
        ..raw.plugins.clone()
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
    if let Some(name) = config.principals.as_deref().filter(|name| !known(name)) {
        let what = format!("names the plugin {name:?}, which is not configured");
        problems.add(origin_of("plugins.principals"), "plugins.principals", what);
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
