//! The users that a record names.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use tidegate_plugin::{Error, Record};

use crate::pointer::Found;
use crate::reader::{kind, not_json, text_at};
use crate::source::{Source, UserSources};

/// Each user once, in the record's order. An error names the place.
pub(crate) fn recipients(
    sources: &UserSources,
    record: &Record<'_>,
    value: &RawValue,
) -> Result<Vec<String>, Error> {
    for source in &sources.0 {
        if let Some(mut ids) = ids_at(source, record, value)? {
            if ids.len() > 1 {
                let mut seen = BTreeSet::new();
                ids.retain(|id| seen.insert(id.clone()));
            }
            return Ok(ids);
        }
    }
    let places: Vec<String> = sources.0.iter().map(Source::name).collect();
    Err(Error::new(
        "no-user",
        format!(
            "the record names no user: there is nothing at {}",
            places.join(", nor at ")
        ),
    ))
}

/// None if there is nothing at that place.
fn ids_at(
    source: &Source,
    record: &Record<'_>,
    value: &RawValue,
) -> Result<Option<Vec<String>>, Error> {
    let Source::Value(pointer) = source else {
        let id = text_at(source, record, "bad-user-id")?;
        return Ok(id.map(|id| vec![id.to_owned()]));
    };
    let ids = match pointer.find(value).map_err(not_json)? {
        Found::Nothing => return Ok(None),
        Found::One(found) if found.get() == "null" => return Ok(None),
        Found::One(found) if found.get().starts_with('[') => {
            let entries: Vec<&RawValue> = serde_json::from_str(found.get()).map_err(not_json)?;
            entries
                .into_iter()
                .map(|entry| user_id(Some(entry), source, "an entry of "))
                .collect()
        }
        Found::One(found) => user_id(Some(found), source, "").map(|id| vec![id]),
        Found::Every(entries) => entries
            .into_iter()
            .map(|entry| user_id(entry, source, "an entry of "))
            .collect(),
    };
    ids.map(Some)
}

/// Texts and integers: an integer is taken as it is written, however large.
fn user_id(value: Option<&RawValue>, source: &Source, which: &str) -> Result<String, Error> {
    let bad = |what: &str| {
        let place = source.name();
        let message = format!("{which}{place} is {what}, not a user's id (a text or an integer)");
        Error::new("bad-user-id", message)
    };
    let Some(text) = value.map(RawValue::get) else {
        return Err(bad("nothing"));
    };
    match text.as_bytes() {
        [b'"', ..] => match serde_json::from_str::<String>(text) {
            Ok(id) if id.is_empty() => Err(bad("an empty text")),
            Ok(id) => Ok(id),
            Err(_) => Err(bad("a text that is not Unicode")),
        },
        [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            Ok(text.to_owned())
        }
        _ => Err(bad(kind(text))),
    }
}
