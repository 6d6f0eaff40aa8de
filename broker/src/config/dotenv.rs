//! `.env`: read into a map, never into the process's environment.

use std::io::ErrorKind;
use std::path::Path;

use super::origin::{Origin, Problem};

/// A variable with its place.
pub type Variable = (String, String, Origin);

/// No file = nothing. Errors name the line and never show it: it may hold a secret.
pub fn read(path: &Path) -> Result<Vec<Variable>, Problem> {
    let at = |line| Origin::DotEnv { line };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Problem {
                origin: Origin::Default,
                name: path.display().to_string(),
                what: format!("cannot be read: {error}"),
            });
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    dotenvy::from_read_iter(text.as_bytes())
        .map(|item| match item {
            Ok((name, value)) => {
                let origin = at(line_defining(text, &name));
                Ok((name, value, origin))
            }
            Err(dotenvy::Error::LineParse(line, _)) => Err(Problem {
                origin: at(line_holding(text, &line)),
                name: String::new(),
                what: "is no line of the form NAME=value (quote values with spaces)".to_owned(),
            }),
            Err(error) => Err(Problem {
                origin: Origin::Default,
                name: path.display().to_string(),
                what: format!("cannot be read: {error}"),
            }),
        })
        .collect()
}

/// The last definition counts, as a later line overrides an earlier one.
fn line_defining(text: &str, name: &str) -> usize {
    let defines = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        line.strip_prefix(name)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    number_of_last(text, defines)
}

fn line_holding(text: &str, piece: &str) -> usize {
    let first = piece.lines().next().unwrap_or_default().trim();
    number_of_last(text, |line| line.contains(first))
}

fn number_of_last(text: &str, holds: impl Fn(&str) -> bool) -> usize {
    let last = text
        .lines()
        .enumerate()
        .filter(|(_, line)| holds(line))
        .last();
    last.map_or(1, |(index, _)| index + 1)
}
