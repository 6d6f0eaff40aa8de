//! Which names exist, and the nearest one to a name that does not.

use super::table::{self, CONFIG_FILE, Setting, TABLES, derived_name};

pub fn by_env(name: &str) -> Option<&'static Setting> {
    table::all().find(|setting| setting.env_name() == name)
}

pub fn by_key(key: &str) -> Option<&'static Setting> {
    table::all().find(|setting| setting.key == key)
}

/// What to say of an unknown `TIDEGATE_*` variable.
pub fn unknown_variable(name: &str) -> String {
    let renamed = table::all().find(|setting| derived_name(setting.key) == name);
    let suggestion = renamed.map(Setting::env_name).or_else(|| {
        let known = table::all().map(Setting::env_name);
        let known = known.chain([CONFIG_FILE.to_owned()]);
        nearest(
            name,
            known.chain(TABLES.iter().map(|(key, _)| derived_name(key))),
        )
    });
    with_suggestion("is no setting", suggestion)
}

/// What to say of an unknown key of the file. A known key in another section comes first.
pub fn unknown_key(key: &str) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let moved = table::all().find(|setting| last(setting.key) == last(key));
    let suggestion = moved.map(|setting| setting.key.to_owned()).or_else(|| {
        let sections = table::sections().map(|(name, _)| name.to_owned());
        let keys = table::all().map(|setting| setting.key.to_owned());
        let tables = TABLES.iter().map(|(name, _)| (*name).to_owned());
        nearest(key, keys.chain(sections).chain(tables))
    });
    with_suggestion("is no setting", suggestion)
}

/// What to say of an unknown key of a table's entry.
pub fn unknown_entry_key(key: &str, known: &[&str]) -> String {
    let suggestion = nearest(key, known.iter().map(|name| (*name).to_owned()));
    let known = known.join(", ");
    match suggestion {
        Some(_) => with_suggestion("is unknown here", suggestion),
        None => format!("is unknown here; known are {known}"),
    }
}

fn with_suggestion(what: &str, suggestion: Option<String>) -> String {
    match suggestion {
        Some(name) => format!("{what}; the nearest is {name}"),
        None => what.to_owned(),
    }
}

/// The likest of `known`, if any is like at all.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    const ALIKE: f64 = 0.6;
    known
        .map(|other| (strsim::normalized_damerau_levenshtein(name, &other), other))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other)
}
