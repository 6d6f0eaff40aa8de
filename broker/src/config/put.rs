//! A given value into its row's place, and back out as text.

use std::path::{Path, PathBuf};

use super::given::{Content, Given};
use super::raw::Raw;
use super::table::{Check, Kind, Setting};
use super::value::{parse_duration, parse_size, parse_whole, show_duration, show_size};

/// Puts `given` where `setting` says. Relative paths are meant from `base`. The error follows the
/// setting's name.
pub fn put(setting: &Setting, given: &Given, base: &Path, raw: &mut Raw) -> Result<(), String> {
    match &setting.kind {
        Kind::List { at, check } => {
            *at(raw) = checked_items(setting, *check, given)?;
            return Ok(());
        }
        Kind::OptionalList { at, check } => {
            *at(raw) = Some(checked_items(setting, *check, given)?);
            return Ok(());
        }
        _ => {}
    }
    let text = given
        .as_text()
        .ok_or_else(|| format!("must be {}", grammar(&setting.kind)))?;
    let text = text.trim();
    let wrong = || {
        format!(
            "{} is not {}",
            quoted(setting, text),
            grammar(&setting.kind)
        )
    };
    match &setting.kind {
        Kind::Duration { at, min, max } => {
            let value = parse_duration(text).ok_or_else(wrong)?;
            *at(raw) = in_range(value, min, max).ok_or_else(wrong)?;
        }
        Kind::Bytes { at, min, max } => {
            let value =
                in_range(parse_size(text).ok_or_else(wrong)?, min, max).ok_or_else(wrong)?;
            *at(raw) = usize::try_from(value).map_err(|_| wrong())?;
        }
        Kind::Count { at, min, max } => {
            let value = parse_whole(text).ok_or_else(wrong)?;
            at(raw).put(in_range(value, min, max).ok_or_else(wrong)?);
        }
        Kind::Switch(at) => *at(raw) = text.parse().map_err(|_| wrong())?,
        Kind::Choice { of, set, .. } => {
            let index = of.iter().position(|name| *name == text).ok_or_else(wrong)?;
            set(raw, index);
        }
        Kind::Text { at, check } => {
            check_text(setting, *check, text)?;
            *at(raw) = text.to_owned();
        }
        Kind::Optional { at, check } => {
            check_text(setting, *check, text)?;
            *at(raw) = Some(text.to_owned());
        }
        Kind::Path(_) if text.is_empty() => return Err("is empty".to_owned()),
        Kind::PathOrNone(at) if text.is_empty() => *at(raw) = Some(PathBuf::new()),
        Kind::Path(at) | Kind::PathOrNone(at) => *at(raw) = Some(base.join(text)),
        Kind::List { .. } | Kind::OptionalList { .. } => {}
    }
    Ok(())
}

fn checked_items(setting: &Setting, check: Check, given: &Given) -> Result<Vec<String>, String> {
    let items = list_items(given).ok_or_else(|| "is a list of texts".to_owned())?;
    for item in &items {
        check_text(setting, check, item)?;
    }
    Ok(items)
}

/// The value in `raw` as TOML; `None` = unset. Secrets are masked.
pub fn show(setting: &Setting, raw: &mut Raw) -> Option<String> {
    let masked = |text: &str| {
        if setting.secret {
            mask(text)
        } else {
            text.to_owned()
        }
    };
    Some(match &setting.kind {
        Kind::Duration { at, .. } => toml_text(&show_duration(*at(raw))),
        Kind::Bytes { at, .. } => toml_text(&show_size(*at(raw) as u64)),
        Kind::Count { at, .. } => at(raw).get().to_string(),
        Kind::Switch(at) => at(raw).to_string(),
        Kind::Choice { of, get, .. } => toml_text(of[get(raw)]),
        Kind::Text { at, .. } => toml_text(&masked(at(raw))),
        Kind::Optional { at, .. } => toml_text(&masked(at(raw).as_deref()?)),
        Kind::List { at, .. } => toml_list(at(raw), masked),
        Kind::OptionalList { at, .. } => toml_list(at(raw).as_ref()?, masked),
        Kind::Path(at) | Kind::PathOrNone(at) => {
            toml_text(&at(raw).as_ref()?.display().to_string())
        }
    })
}

fn toml_list(items: &[String], shown: impl Fn(&str) -> String) -> String {
    let items: Vec<_> = items.iter().map(|item| toml_text(&shown(item))).collect();
    format!("[{}]", items.join(", "))
}

/// What a value must be, with its range.
pub fn grammar(kind: &Kind) -> String {
    match kind {
        Kind::Duration { min, max, .. } => {
            format!(
                "a duration of {} to {}",
                show_duration(*min),
                show_duration(*max)
            )
        }
        Kind::Bytes { min, max, .. } => {
            format!("a size of {} to {}", show_size(*min), show_size(*max))
        }
        Kind::Count { min, max, .. } => format!("a whole number of {min} to {max}"),
        Kind::Switch(_) => "true or false".to_owned(),
        Kind::Choice { of, .. } => format!("one of {}", of.join(", ")),
        Kind::Text { .. } | Kind::Optional { .. } => "a text".to_owned(),
        Kind::List { .. } | Kind::OptionalList { .. } => "a list of texts".to_owned(),
        Kind::Path(_) => "a path".to_owned(),
        Kind::PathOrNone(_) => "a path, or `\"\"` in the file for none".to_owned(),
    }
}

/// Items of a list, or of a text with commas.
pub fn list_items(given: &Given) -> Option<Vec<String>> {
    if let Content::List(items) = &given.content {
        return items.iter().map(Given::as_text).collect();
    }
    let text = given.as_text()?;
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    Some(items.map(str::to_owned).collect())
}

pub fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn in_range<T: PartialOrd>(value: T, min: &T, max: &T) -> Option<T> {
    (value >= *min && value <= *max).then_some(value)
}

fn check_text(setting: &Setting, check: Check, text: &str) -> Result<(), String> {
    check(text).map_err(|what| format!("{} {what}", quoted(setting, text)))
}

fn quoted(setting: &Setting, text: &str) -> String {
    if setting.secret {
        "the value".to_owned()
    } else {
        format!("{text:?}")
    }
}

/// Of a URL its scheme, host and path stay, for they are what one looks for; a list of URLs and
/// everything else becomes `***`.
fn mask(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.has_host() && !text.contains(',') => {
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            let user = if url.username().is_empty() && url.password().is_none() {
                ""
            } else {
                "***@"
            };
            let host = url.host_str().unwrap_or_default();
            format!("{}://{user}{host}{port}{}", url.scheme(), url.path())
        }
        _ => "***".to_owned(),
    }
}
