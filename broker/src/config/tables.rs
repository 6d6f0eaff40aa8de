//! The tables of the file that hold any number of entries: topics, authorize, plugin, ingest,
//! kafka.properties.

use std::path::Path;
use std::time::Duration;

use crate::outbox::{SlowConsumer, TopicRule};
use crate::plugin::{AuthorizeRule, Environment, Grant, HttpHost, PluginSettings};
use crate::topic::Pattern;

use super::given::{Content, Given};
use super::ingest as sources;
use super::names::unknown_entry_key;
use super::origin::Problems;
use super::plugins::NamedPlugin;
use super::put::list_items;
use super::raw::Raw;
use super::value::parse_duration;

const LONGEST_COALESCE: Duration = Duration::from_secs(10);
const TOPIC_KEYS: [&str; 3] = ["pattern", "slow_consumer", "coalesce"];
const PLUGIN_KEYS: [&str; 8] = [
    "component",
    "settings",
    "sha256",
    "publisher",
    "http",
    "store",
    "sessions",
    "enabled",
];

/// What values of a table are read against.
pub struct Surroundings<'a> {
    /// Where relative paths are meant from.
    pub base: &'a Path,
    /// What `${NAME}` stands for.
    pub environment: &'a Environment,
}

/// Reads the table `name`.
pub fn read(
    name: &str,
    given: &Given,
    around: &Surroundings<'_>,
    raw: &mut Raw,
    problems: &mut Problems,
) {
    match (name, &given.content) {
        ("topics", Content::List(items)) => {
            raw.topics = items
                .iter()
                .filter_map(|item| topic(item, problems))
                .collect();
        }
        ("authorize", Content::Table(entries)) => {
            let rules = entries
                .iter()
                .filter_map(|(key, value)| rule(key, value, problems));
            raw.authorize = Some(rules.collect());
        }
        ("plugin", Content::Table(entries)) => {
            let plugins = entries
                .iter()
                .filter_map(|(key, value)| plugin(key, value, around, problems));
            raw.named_plugins = plugins.collect();
        }
        ("ingest", Content::List(items)) => {
            raw.ingest = Some(sources::ingest(items, problems));
        }
        ("kafka.properties", Content::Table(entries)) => {
            raw.kafka.properties = sources::properties(entries, problems);
        }
        ("ingest", _) => problems.add(given.origin.clone(), name, "must be a list: [[ingest]]"),
        ("topics", _) => problems.add(given.origin.clone(), name, "must be a list: [[topics]]"),
        _ => problems.add(given.origin.clone(), name, "must be a table"),
    }
}

fn topic(given: &Given, problems: &mut Problems) -> Option<TopicRule> {
    let Content::Table(entries) = &given.content else {
        problems.add(given.origin.clone(), "topics", "must be a list of tables");
        return None;
    };
    let mut pattern = None;
    let mut slow_consumer = SlowConsumer::default();
    let mut coalesce = Duration::ZERO;
    let before = problems.0.len();
    for (key, value) in entries {
        let text = value.as_text().unwrap_or_default();
        let outcome = match key.as_str() {
            "pattern" => parse_pattern(&text).map(|parsed| pattern = Some(parsed)),
            "slow_consumer" => parse_slow_consumer(&text).map(|policy| slow_consumer = policy),
            "coalesce" => parse_duration(&text)
                .filter(|wait| *wait <= LONGEST_COALESCE)
                .map(|wait| coalesce = wait)
                .ok_or_else(|| format!("{text:?} is not a duration of 0s to 10s")),
            _ => Err(unknown_entry_key(key, &TOPIC_KEYS)),
        };
        if let Err(what) = outcome {
            problems.add(value.origin.clone(), format!("topics.{key}"), what);
        }
    }
    if pattern.is_none() && problems.0.len() == before {
        problems.add(given.origin.clone(), "topics", "has no pattern");
    }
    Some(TopicRule {
        pattern: pattern?,
        slow_consumer,
        coalesce,
    })
}

fn rule(pattern: &str, given: &Given, problems: &mut Problems) -> Option<AuthorizeRule> {
    let parsed = parse_pattern(pattern);
    match (parsed, given.as_text()) {
        (Ok(pattern), Some(plugin)) => return Some(AuthorizeRule { pattern, plugin }),
        (Err(what), _) => problems.add(given.origin.clone(), "authorize", what),
        (_, None) => {
            let name = format!("authorize.{pattern:?}");
            problems.add(given.origin.clone(), name, "must be the name of a plugin");
        }
    }
    None
}

fn plugin(
    name: &str,
    given: &Given,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<NamedPlugin> {
    let Content::Table(entries) = &given.content else {
        problems.add(
            given.origin.clone(),
            format!("plugin.{name}"),
            "must be a table",
        );
        return None;
    };
    let mut plugin = NamedPlugin {
        origin: given.origin.clone(),
        name: name.to_owned(),
        enabled: true,
        component: None,
        settings: None,
        sha256: None,
        grants: Vec::new(),
        withheld: Vec::new(),
    };
    for (key, value) in entries {
        if let Err(what) = plugin_entry(&mut plugin, key, value, around) {
            problems.add(value.origin.clone(), format!("plugin.{name}.{key}"), what);
        }
    }
    Some(plugin)
}

fn plugin_entry(
    plugin: &mut NamedPlugin,
    key: &str,
    value: &Given,
    around: &Surroundings<'_>,
) -> Result<(), String> {
    let base = around.base;
    let text = || value.as_text().ok_or_else(|| "must be a text".to_owned());
    match key {
        "component" => plugin.component = Some(base.join(text()?)),
        "settings" => {
            plugin.settings = Some(match &value.content {
                Content::Table(_) => PluginSettings::Inline(value.to_json()),
                _ => PluginSettings::File(base.join(text()?)),
            });
        }
        "sha256" => plugin.sha256 = Some(parse_sha256(&text()?)?),
        "publisher" => {
            let texts = list_items(value).ok_or_else(|| "must be a list of patterns".to_owned())?;
            plugin
                .grants
                .push(publisher_grant(&texts, around.environment)?);
        }
        "http" => {
            let texts = list_items(value).ok_or_else(|| "must be a list of hosts".to_owned())?;
            plugin.grants.push(http_grant(&texts, around.environment)?);
        }
        "store" => plugin.grant(Grant::Store, switch(&text()?)?),
        "sessions" => plugin.grant(Grant::Sessions, switch(&text()?)?),
        "enabled" => plugin.enabled = switch(&text()?)?,
        _ => return Err(unknown_entry_key(key, &PLUGIN_KEYS)),
    }
    Ok(())
}

fn switch(text: &str) -> Result<bool, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("{text:?} is not true or false"))
}

/// Topics that a plugin may publish on. An entry that the environment makes empty is dropped.
pub fn publisher_grant(texts: &[String], environment: &Environment) -> Result<Grant, String> {
    let topics = filled(texts, environment)?;
    let topics = topics.iter().map(|text| parse_pattern(text));
    Ok(Grant::Publisher {
        topics: topics.collect::<Result<_, _>>()?,
    })
}

/// Hosts that a plugin may send requests to. An entry that the environment makes empty is dropped.
pub fn http_grant(texts: &[String], environment: &Environment) -> Result<Grant, String> {
    let hosts = filled(texts, environment)?;
    let hosts = hosts.iter().map(|text| HttpHost::parse(text));
    Ok(Grant::Http {
        hosts: hosts.collect::<Result<_, _>>()?,
    })
}

fn filled(texts: &[String], environment: &Environment) -> Result<Vec<String>, String> {
    let fill = |text: &String| environment.fill(text).map_err(|error| error.to_string());
    let texts = texts.iter().map(fill).collect::<Result<Vec<_>, _>>()?;
    Ok(texts
        .into_iter()
        .filter(|text| !text.trim().is_empty())
        .collect())
}

fn parse_pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| error.to_string())
}

fn parse_slow_consumer(text: &str) -> Result<SlowConsumer, String> {
    match text {
        "disconnect" => Ok(SlowConsumer::Disconnect),
        "drop-oldest" => Ok(SlowConsumer::DropOldest),
        "latest-only" => Ok(SlowConsumer::LatestOnly),
        _ => Err(format!(
            "{text:?} is not one of disconnect, drop-oldest, latest-only"
        )),
    }
}

fn parse_sha256(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("{text:?} is no sha256 (64 hexadecimal digits)");
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        let digits = &text[2 * index..2 * index + 2];
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}
