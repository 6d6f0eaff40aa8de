//! Layers only point down, and what only one place may know is known there alone.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, lowest first; within a layer a module uses those before it in its list only
/// where the list says so by its order.
const LAYERS: &[&[&str]] = &[
    &[
        "backoff",
        "identity",
        "limits",
        "metrics",
        "observe",
        "percent",
        "private_file",
        "shutdown",
        "topic",
    ],
    &["protocol"],
    &["publication", "store"],
    &["auth", "bus", "outbox", "plugin"],
    &["hub"],
    &["node"],
    &["session", "source"],
    &["admin", "listener"],
    &["config"],
    &["worker"],
    &["cli"],
];

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source folder is readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 50, "found only {} source files", found.len());
    found
}

/// The top-level module a file belongs to; `None` = lib.rs and main.rs.
fn module(path: &Path) -> Option<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let first = path.strip_prefix(src).ok()?.components().next()?;
    let name = first
        .as_os_str()
        .to_str()?
        .trim_end_matches(".rs")
        .to_owned();
    (name != "lib" && name != "main").then_some(name)
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Code without comments, so that prose may name anything.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

/// The modules a line names by `crate::`, `use crate::{a, b}` included.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        // `$crate::` and `other_crate::` are not ours.
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest,
        };
        for part in if rest.starts_with('{') {
            list.split(',').collect()
        } else {
            vec![list]
        } {
            let name: String = part
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.push(name);
        }
    }
    names
}

#[test]
fn every_module_has_a_layer() {
    for (path, _) in sources() {
        if let Some(module) = module(&path) {
            assert!(
                layer(&module).is_some(),
                "{}: no layer for `{module}`",
                path.display()
            );
        }
    }
}

#[test]
fn no_arrow_points_up_or_sideways() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(from) = module(&path) else { continue };
        for (at, line) in code(&text) {
            for to in named(line) {
                let (Some(mine), Some(theirs)) = (layer(&from), layer(&to)) else {
                    continue;
                };
                if to != from && (theirs > mine || (theirs == mine && mine > 0)) {
                    wrong.push(format!("{}:{at}: {from} uses {to}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that do not point down:\n{}",
        wrong.join("\n")
    );
}

/// Files that name any of `words` outside of comments.
fn knowers(words: &[&str]) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| {
            code(text).any(|(_, line)| words.iter().any(|word| line.contains(word)))
        })
        .map(|(path, _)| {
            path.strip_prefix(&src)
                .expect("below src")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    files
}

#[track_caller]
fn only(words: &[&str], allowed: &[&str]) {
    let strangers: Vec<String> = knowers(words)
        .into_iter()
        .filter(|file| !allowed.iter().any(|prefix| file.starts_with(prefix)))
        .collect();
    assert!(strangers.is_empty(), "{words:?} is named by {strangers:?}");
}

#[test]
fn secrets_of_one_place() {
    only(&["wasmtime::", "use wasmtime"], &["plugin"]);
    only(
        &["redis::"],
        &["bus/redis", "bus/tests", "auth/session", "bus.rs", "config"],
    );
    only(&["rdkafka::"], &["source/kafka"]);
    only(&["redb::"], &["store/embedded", "auth/session"]);
    only(&["aws_sdk_dynamodb::", "aws_config::"], &["store/dynamodb"]);
    only(
        &["hyper::"],
        &[
            "listener",
            "admin",
            "auth",
            "observe",
            "cli",
            "plugin/tests",
        ],
    );
    only(
        &["std::net::", "tokio::net::"],
        &[
            "admin",
            "listener",
            "session",
            "outbox",
            "config",
            "worker",
            "bus",
            "auth",
            "cli",
            "observe",
            "plugin/tests",
        ],
    );
}

#[test]
fn the_hub_never_awaits() {
    for word in ["async", "await", "tokio"] {
        let file = knowers(&[word])
            .into_iter()
            .find(|file| file.starts_with("hub"));
        assert_eq!(file, None, "the hub names {word}");
    }
}

#[test]
fn unsafe_code_is_in_the_audited_places_only() {
    only(
        &["unsafe {", "unsafe impl", "unsafe fn"],
        &["plugin/cwasm.rs", "plugin/bindings.rs"],
    );
}
