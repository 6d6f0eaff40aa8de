//! `[[ingest]]` and `[kafka.properties]`: which topics are read, by which mapper, and how.

use std::collections::BTreeMap;

use crate::plugin::{MapperClaim, PluginConfig};
use crate::source::{IngestRule, KafkaConfig, SourceConfig, check_properties, check_topic};

use super::given::{Content, Given};
use super::names::unknown_entry_key;
use super::origin::{Origin, Problems};
use super::raw::{NamedIngest, Raw};

const KEYS: [&str; 3] = ["topic", "mapper", "dead_letter"];

/// What is read without being asked for, if the plugin is there.
const DEFAULT_TOPIC: &str = "user-notifications";
const DEFAULT_MAPPER: &str = "notifications";

/// Reads the entries of `[[ingest]]`.
pub fn ingest(items: &[Given], problems: &mut Problems) -> Vec<NamedIngest> {
    let mut rules: Vec<NamedIngest> = Vec::new();
    for given in items {
        let Some(rule) = entry(given, problems) else {
            continue;
        };
        if rules.iter().any(|named| named.rule.topic == rule.topic) {
            let what = format!("names the topic {:?} a second time", rule.topic);
            problems.add(given.origin.clone(), "ingest.topic", what);
        }
        rules.push(NamedIngest {
            origin: given.origin.clone(),
            rule,
        });
    }
    for named in &rules {
        let dead_letter = named.rule.dead_letter.as_deref();
        if rules
            .iter()
            .any(|other| dead_letter == Some(&other.rule.topic))
        {
            let what = "is a topic that is read itself: failing records would go in circles";
            problems.add(named.origin.clone(), "ingest.dead_letter", what);
        }
    }
    rules
}

fn entry(given: &Given, problems: &mut Problems) -> Option<IngestRule> {
    let Content::Table(entries) = &given.content else {
        problems.add(given.origin.clone(), "ingest", "must be a list of tables");
        return None;
    };
    let (mut topic, mut mapper, mut dead_letter) = (None, None, None);
    let before = problems.0.len();
    for (key, value) in entries {
        let text = value.as_text().unwrap_or_default();
        let outcome = match key.as_str() {
            "topic" => check_topic(&text).map(|()| topic = Some(text)),
            "dead_letter" => check_topic(&text).map(|()| dead_letter = Some(text)),
            "mapper" if text.is_empty() => Err("must be the name of a plugin".to_owned()),
            "mapper" => {
                mapper = Some(text);
                Ok(())
            }
            _ => Err(unknown_entry_key(key, &KEYS)),
        };
        if let Err(what) = outcome {
            problems.add(value.origin.clone(), format!("ingest.{key}"), what);
        }
    }
    if problems.0.len() == before {
        for (name, missing) in [("topic", topic.is_none()), ("mapper", mapper.is_none())] {
            if missing {
                problems.add(given.origin.clone(), "ingest", format!("has no {name}"));
            }
        }
    }
    Some(IngestRule {
        topic: topic?,
        mapper: mapper?,
        dead_letter,
    })
}

/// Reads `[kafka.properties]`; `a.b = "c"` without quotes around the name is the property `a.b`
/// too.
pub fn properties(
    entries: &[(String, Given)],
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten("", entries, &mut found, problems);
    let values = found
        .iter()
        .map(|(name, (value, _)): (&String, &(String, Origin))| (name.clone(), value.clone()));
    let values: BTreeMap<String, String> = values.collect();
    for (name, what) in check_properties(&values) {
        let origin = found.get(&name).map(|(_, origin)| origin.clone());
        let shown = format!("kafka.properties.{name:?}");
        problems.add(origin.unwrap_or_default(), shown, what);
    }
    values
}

fn flatten(
    prefix: &str,
    entries: &[(String, Given)],
    found: &mut BTreeMap<String, (String, Origin)>,
    problems: &mut Problems,
) {
    for (key, given) in entries {
        let name = format!("{prefix}{key}");
        match (&given.content, given.as_text()) {
            (Content::Table(entries), _) => {
                flatten(&format!("{name}."), entries, found, problems);
            }
            (_, Some(value)) => {
                found.insert(name, (value, given.origin.clone()));
            }
            (_, None) => {
                let shown = format!("kafka.properties.{name:?}");
                problems.add(given.origin.clone(), shown, "must be a text or a number");
            }
        }
    }
}

/// The checked configuration of the sources.
pub fn assemble(raw: &Raw, plugins: &PluginConfig) -> SourceConfig {
    let default = || {
        let known = plugins.plugins.iter();
        let known = known.map(|plugin| plugin.name.as_str());
        let rule = known
            .filter(|name| *name == DEFAULT_MAPPER)
            .map(|mapper| IngestRule {
                topic: DEFAULT_TOPIC.to_owned(),
                mapper: mapper.to_owned(),
                dead_letter: None,
            });
        rule.collect()
    };
    SourceConfig {
        kafka: raw.kafka_brokers.clone().map(|brokers| KafkaConfig {
            brokers,
            ..raw.kafka.clone()
        }),
        ingest: match &raw.ingest {
            Some(named) => named.iter().map(|named| named.rule.clone()).collect(),
            None => default(),
        },
    }
}

/// What the plugin host is told of them.
pub fn claims(config: &SourceConfig) -> Vec<MapperClaim> {
    let rules = config.ingest.iter();
    let claims = rules.map(|rule| MapperClaim {
        topic: rule.topic.clone(),
        plugin: rule.mapper.clone(),
    });
    claims.collect()
}

/// What only serving asks for: a plugin behind each mapper's name, and something to read.
pub fn check_serving(
    config: &SourceConfig,
    plugins: &PluginConfig,
    raw: &Raw,
    brokers: Origin,
    problems: &mut Problems,
) {
    for named in raw.ingest.iter().flatten() {
        let mapper = &named.rule.mapper;
        if !plugins.plugins.iter().any(|plugin| plugin.name == *mapper) {
            let what = format!("names the plugin {mapper:?}, which is not configured");
            problems.add(named.origin.clone(), "ingest.mapper", what);
        }
    }
    if config.kafka.is_some() && config.ingest.is_empty() {
        let what = format!(
            "is set, but no topic is read: the settings have no [[ingest]], and the plugin \
             {DEFAULT_MAPPER:?}, which would read {DEFAULT_TOPIC:?}, is not there"
        );
        problems.add(brokers, "KAFKA_BROKERS", what);
    }
}
