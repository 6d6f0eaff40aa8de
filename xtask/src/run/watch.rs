//! Rebuilds a plugin when its source is saved, and delivers a page; the broker sees both by itself.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::repo::{Guest, Profile, Repo};
use crate::{pages, plugins};

/// Editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(60);

/// What a changed file calls for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// The contract or the SDK: every plugin.
    Everything,
    Source(String),
    Settings(String),
    /// The chat's page, or the client that it uses.
    Page,
}

/// Watches until the returned watcher is dropped.
pub fn start(repo: &Arc<Repo>, profile: Profile) -> anyhow::Result<RecommendedWatcher> {
    let (sender, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Access(_)) {
            let _ = sender.send(event.paths);
        }
    })
    .context("cannot watch files")?;
    for folder in ["plugins", "sdk", "wit", "examples/chat-web"] {
        let folder = repo.root.join(folder);
        if folder.exists() {
            watcher
                .watch(&folder, RecursiveMode::Recursive)
                .with_context(|| format!("cannot watch {}", folder.display()))?;
        }
    }
    let repo = Arc::clone(repo);
    std::thread::spawn(move || {
        while let Some(changes) = next(&repo.root, &events) {
            rebuild(&repo, profile, &changes);
        }
    });
    Ok(watcher)
}

/// Waits for changes that matter, and until there have been none for [`SETTLE`].
fn next(root: &Path, events: &Receiver<Vec<PathBuf>>) -> Option<BTreeSet<Change>> {
    let mut changes = BTreeSet::new();
    while changes.is_empty() {
        changes.extend(
            events
                .recv()
                .ok()?
                .iter()
                .filter_map(|path| change(root, path)),
        );
    }
    while let Ok(paths) = events.recv_timeout(SETTLE) {
        changes.extend(paths.iter().filter_map(|path| change(root, path)));
    }
    Some(changes)
}

/// `None` for what builds and editors write.
fn change(root: &Path, path: &Path) -> Option<Change> {
    let path = path.strip_prefix(root).ok()?;
    let parts: Vec<&str> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    let file = parts.last()?;
    let endings = ["rs", "toml", "wit", "json"];
    let ours = endings
        .iter()
        .chain(&pages::ENDINGS)
        .any(|ending| Path::new(file).extension().is_some_and(|e| e == *ending));
    if !ours || file.starts_with('.') || parts.contains(&"target") {
        return None;
    }
    let is_page = |source: &str| path.starts_with(source);
    if pages::SOURCES.iter().any(|(source, _)| is_page(source)) {
        return Some(Change::Page);
    }
    match parts.as_slice() {
        ["sdk", "client", ..] => None,
        ["sdk" | "wit", ..] | ["plugins", "Cargo.toml"] => Some(Change::Everything),
        ["plugins", name, file] if *file == format!("{name}.toml") => {
            Some(Change::Settings((*name).to_owned()))
        }
        ["plugins", name, "src", ..] | ["plugins", name, "Cargo.toml"] => {
            Some(Change::Source((*name).to_owned()))
        }
        _ => None,
    }
}

fn rebuild(repo: &Repo, profile: Profile, changes: &BTreeSet<Change>) {
    if changes.contains(&Change::Page) {
        match pages::deliver(repo, profile) {
            Ok(()) => eprintln!("xtask: the chat's page is delivered: load it again"),
            Err(error) => eprintln!("xtask: {error:#}"),
        }
    }
    let guests = match repo.plugins() {
        Ok(guests) => guests,
        Err(error) => return eprintln!("xtask: {error:#}"),
    };
    for guest in guests {
        let name = guest.name.clone();
        let everything = changes.contains(&Change::Everything);
        let start = Instant::now();
        let built = if everything || changes.contains(&Change::Source(name.clone())) {
            plugins::build_into(repo, &guest, &repo.plugin_folder(profile))
        } else if changes.contains(&Change::Settings(name.clone())) {
            plugins::deliver_settings(&guest, &repo.plugin_folder(profile))
        } else {
            continue;
        };
        report(&guest, built, start);
    }
}

fn report(guest: &Guest, built: anyhow::Result<()>, start: Instant) {
    let name = &guest.name;
    match built {
        Ok(()) => eprintln!(
            "xtask: {name} is built ({} ms)",
            start.elapsed().as_millis()
        ),
        Err(error) => eprintln!("xtask: {error:#}; the {name} that runs goes on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Change> {
        change(Path::new("/r"), &Path::new("/r").join(path))
    }

    #[test]
    fn a_change_rebuilds_what_depends_on_it() {
        let gateway = || "gateway".to_owned();
        assert_eq!(
            of("plugins/gateway/src/lib.rs"),
            Some(Change::Source(gateway()))
        );
        assert_eq!(
            of("plugins/gateway/src/a/b.rs"),
            Some(Change::Source(gateway()))
        );
        assert_eq!(
            of("plugins/gateway/Cargo.toml"),
            Some(Change::Source(gateway()))
        );
        assert_eq!(
            of("plugins/gateway/gateway.toml"),
            Some(Change::Settings(gateway()))
        );
        assert_eq!(of("sdk/rust/src/lib.rs"), Some(Change::Everything));
        assert_eq!(of("wit/plugin.wit"), Some(Change::Everything));
        assert_eq!(of("examples/chat-web/page/app.mjs"), Some(Change::Page));
        assert_eq!(of("examples/chat-web/page/style.css"), Some(Change::Page));
        assert_eq!(of("sdk/client/src/link.mjs"), Some(Change::Page));
    }

    #[test]
    fn what_builds_and_editors_write_is_no_change() {
        for path in [
            "plugins/Cargo.lock",
            "plugins/gateway/src/.lib.rs.swp",
            "plugins/gateway/src/lib.rs~",
            "plugins/gateway/src/4913",
            "plugins/target/debug/build/x/out.rs",
            "sdk/rust/target/a.rs",
            "broker/src/lib.rs",
            "examples/chat-web/test/rows.test.mjs",
            "examples/chat-web/page/.app.mjs.swp",
            "sdk/client/package.json",
            "sdk/client/test/token.test.mjs",
            "sdk/client/node_modules/ws/index.js",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
