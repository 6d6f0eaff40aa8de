//! Reads all sources into a [`Reading`]: values and where each came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dotenv;
use super::given::{Content, Given, parse_toml, parse_toml_value};
use super::names::{self, by_env, by_key};
use super::origin::{Origin, Problem, Problems};
use super::put::put;
use super::raw::Raw;
use super::sources::Sources;
use super::table::{self, CONFIG_FILE, TABLES, derived_name};
use super::tables::{self, Surroundings};
use crate::plugin::Environment;

const PREFIX: &str = "TIDEGATE_";
const DEFAULT_FILE: &str = "tidegate.toml";

/// Settings as given, each well-formed by itself.
pub struct Reading {
    pub(super) raw: Raw,
    pub(super) origins: BTreeMap<&'static str, Origin>,
    pub(super) sources: Sources,
    /// `.env` overlaid with the environment, for settings of plugins.
    pub(super) environment: Environment,
    /// Where relative paths of the settings file are meant from.
    pub(super) file_folder: PathBuf,
}

/// Reads every source.
///
/// # Errors
/// All unknown names and all values that are malformed or out of range, each with its place.
pub fn read(sources: Sources) -> Result<Reading, Problems> {
    let mut problems = Problems::default();
    let dotenv = dotenv::read(&sources.folder.join(".env")).unwrap_or_else(|problem| {
        problems.0.push(problem);
        Vec::new()
    });
    let variables = variables(&sources, dotenv, &mut problems);
    let file = settings_file(&sources, &variables);
    let mut reading = Reading {
        raw: Raw::default(),
        origins: BTreeMap::new(),
        environment: environment(&variables),
        file_folder: sources.folder.clone(),
        sources,
    };
    if let Some((path, must_exist)) = file {
        reading.read_file(&path, must_exist, &mut problems);
    }
    for (name, given) in &variables {
        reading.read_variable(name, given, &mut problems);
    }
    problems.none_or(reading)
}

/// `.env` overlaid with the environment. Empty = unset, as compose files write `${REDIS_URL:-}`.
fn variables(
    sources: &Sources,
    dotenv: Vec<dotenv::Variable>,
    problems: &mut Problems,
) -> BTreeMap<String, Given> {
    let mut found = BTreeMap::new();
    for (name, value, origin) in dotenv {
        found.insert(name, Given::text(origin, &value));
    }
    for (name, value) in &sources.environment {
        match value.to_str() {
            Some(text) => {
                found.insert(name.clone(), Given::text(Origin::Environment, text));
            }
            None if name.starts_with(PREFIX) || by_env(name).is_some() => {
                problems.add(Origin::Environment, name, "is no Unicode text");
            }
            None => {}
        }
    }
    found.retain(|_, given| given.as_text().is_some_and(|text| !text.is_empty()));
    found
}

fn environment(variables: &BTreeMap<String, Given>) -> Environment {
    let texts = variables.iter();
    Environment::new(texts.filter_map(|(name, given)| Some((name.clone(), given.as_text()?))))
}

/// The file, and whether it must be there.
fn settings_file(
    sources: &Sources,
    variables: &BTreeMap<String, Given>,
) -> Option<(PathBuf, bool)> {
    let named = variables.get(CONFIG_FILE).and_then(Given::as_text);
    let named = sources.file.clone().or(named.map(PathBuf::from));
    match named {
        Some(path) => Some((sources.folder.join(path), true)),
        None => Some((sources.folder.join(DEFAULT_FILE), false)),
    }
}

impl Reading {
    pub(super) fn origin_of(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or_default()
    }

    /// Where the relative paths of a value are meant from.
    pub(super) fn base_of(&self, origin: &Origin) -> PathBuf {
        match origin {
            Origin::File { .. } => self.file_folder.clone(),
            _ => self.sources.folder.clone(),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.sources
            .environment
            .get(name)?
            .to_str()
            .filter(|text| !text.is_empty())
    }

    fn read_file(&mut self, path: &Path, must_exist: bool, problems: &mut Problems) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return,
            Err(error) => {
                let what = format!("cannot be read: {error}");
                return problems.add(Origin::Default, path.display().to_string(), what);
            }
        };
        if let Some(folder) = path.parent() {
            self.file_folder = folder.to_owned();
        }
        let shown = path.strip_prefix(&self.sources.folder).unwrap_or(path);
        match parse_toml(&text, &Arc::from(shown)) {
            Ok(entries) => {
                for (name, given) in &entries {
                    self.read_section(name, given, problems);
                }
            }
            Err(problem) => problems.0.push(problem),
        }
    }

    fn read_section(&mut self, name: &str, given: &Given, problems: &mut Problems) {
        if TABLES.iter().any(|(table, _)| *table == name) {
            return self.read_table(name, given, problems);
        }
        let is_section = table::sections()
            .iter()
            .any(|(section, _)| *section == name);
        match &given.content {
            Content::Table(entries) if is_section => {
                for (key, value) in entries {
                    let key = format!("{name}.{key}");
                    if TABLES.iter().any(|(table, _)| *table == key) {
                        self.read_table(&key, value, problems);
                        continue;
                    }
                    match by_key(&key) {
                        Some(setting) => self.put(setting, &key, value, problems),
                        None => {
                            let what = names::unknown_key(&key);
                            problems.add(value.origin.clone(), key, what);
                        }
                    }
                }
            }
            _ if is_section => {
                problems.add(
                    given.origin.clone(),
                    name,
                    format!("must be a table: [{name}]"),
                );
            }
            _ => problems.add(given.origin.clone(), name, names::unknown_key(name)),
        }
    }

    fn read_variable(&mut self, name: &str, given: &Given, problems: &mut Problems) {
        if let Some(setting) = by_env(name) {
            return self.put(setting, name, given, problems);
        }
        if !name.starts_with(PREFIX) || name == CONFIG_FILE {
            return;
        }
        let Some((table, _)) = TABLES.iter().find(|(table, _)| derived_name(table) == name) else {
            return problems.add(given.origin.clone(), name, names::unknown_variable(name));
        };
        let text = given.as_text().unwrap_or_default();
        match parse_toml_value(&text, &given.origin) {
            Some(parsed) => self.read_table(table, &parsed, problems),
            None => problems.add(given.origin.clone(), name, "is no TOML value"),
        }
    }

    fn read_table(&mut self, name: &str, given: &Given, problems: &mut Problems) {
        let base = self.base_of(&given.origin);
        let around = Surroundings {
            base: &base,
            environment: &self.environment,
        };
        tables::read(name, given, &around, &mut self.raw, problems);
        if let Some((table, _)) = TABLES.iter().find(|(table, _)| *table == name) {
            self.origins.insert(table, given.origin.clone());
        }
    }

    fn put(
        &mut self,
        setting: &'static table::Setting,
        name: &str,
        given: &Given,
        problems: &mut Problems,
    ) {
        let base = self.base_of(&given.origin);
        if let Err(what) = put(setting, given, &base, &mut self.raw) {
            problems.0.push(Problem {
                origin: given.origin.clone(),
                name: name.to_owned(),
                what,
            });
        }
        self.origins.insert(setting.key, given.origin.clone());
    }
}
