//! What the user wrote, with its place, before anything is checked.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::{Origin, Problem};

/// A value as written.
#[derive(Clone, Debug)]
pub struct Given {
    pub origin: Origin,
    pub content: Content,
}

#[derive(Clone, Debug)]
pub enum Content {
    Scalar(Json),
    List(Vec<Given>),
    Table(Vec<(String, Given)>),
}

impl Given {
    pub fn text(origin: Origin, text: &str) -> Self {
        Self {
            origin,
            content: Content::Scalar(Json::String(text.to_owned())),
        }
    }

    /// A scalar as text: what an environment variable would hold.
    pub fn as_text(&self) -> Option<String> {
        match &self.content {
            Content::Scalar(Json::String(text)) => Some(text.clone()),
            Content::Scalar(other) => Some(other.to_string()),
            _ => None,
        }
    }

    pub fn to_json(&self) -> Json {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, given)| (key.clone(), given.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// Reads TOML text; `path` names it in errors.
pub fn parse_toml(text: &str, path: &Arc<Path>) -> Result<Vec<(String, Given)>, Problem> {
    let place = |offset: usize| Origin::File {
        path: path.clone(),
        line: line_of(text, offset),
    };
    match DeTable::parse(text) {
        Ok(table) => Ok(entries(table.get_ref(), &place)),
        Err(error) => Err(Problem {
            origin: place(error.span().map_or(0, |span| span.start)),
            name: String::new(),
            what: error.message().replace('\n', ", "),
        }),
    }
}

/// Reads a TOML value out of an environment variable.
pub fn parse_toml_value(text: &str, origin: &Origin) -> Option<Given> {
    let value = DeValue::parse(text).ok()?;
    Some(convert(&value, &|_| origin.clone()))
}

pub fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|byte| **byte == b'\n').count()
}

fn entries(table: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Vec<(String, Given)> {
    let mut found: Vec<_> = table.iter().collect();
    found.sort_by_key(|(key, _)| key.span().start);
    found
        .into_iter()
        .map(|(key, value)| {
            let given = Given {
                origin: place(key.span().start),
                ..convert(value, place)
            };
            (key.get_ref().clone().into_owned(), given)
        })
        .collect()
}

fn convert(value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Origin) -> Given {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Scalar(Json::String(text.clone().into_owned())),
        DeValue::Boolean(truth) => Content::Scalar(Json::Bool(*truth)),
        DeValue::Integer(number) => Content::Scalar(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Json::String(number.to_string()), Json::from),
        ),
        DeValue::Float(number) => Content::Scalar(
            number
                .as_str()
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Json::String(number.to_string()), Json::Number),
        ),
        DeValue::Datetime(time) => Content::Scalar(Json::String(time.to_string())),
        DeValue::Array(items) => {
            Content::List(items.iter().map(|item| convert(item, place)).collect())
        }
        DeValue::Table(table) => Content::Table(entries(table, place)),
    };
    Given {
        origin: place(value.span().start),
        content,
    }
}
