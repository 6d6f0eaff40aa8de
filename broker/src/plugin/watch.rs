//! Notices that a plugin's files have changed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::config::{PluginSettings, PluginSpec};
use super::reload::Wake;

/// How a mounted folder is swapped whole: its entries are links through this one.
const MOUNT_LINK: &str = "..data";

/// A plugin whose files were touched and that was not looked at since; keeps a writer of many
/// small pieces from filling the queue.
#[derive(Clone, Default)]
pub(super) struct Touched(Arc<AtomicBool>);

impl Touched {
    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }

    fn set(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

pub(super) fn files(spec: &PluginSpec) -> Vec<&Path> {
    let mut files = vec![spec.component.as_path()];
    if let PluginSettings::File(path) | PluginSettings::Beside(path) = &spec.settings {
        files.push(path);
    }
    files
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: (i64, i64),
    bytes: u64,
    inode: u64,
}

pub(super) fn stamps(spec: &PluginSpec) -> Vec<Option<Stamp>> {
    files(spec).into_iter().map(stamp).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: (found.mtime(), found.mtime_nsec()),
        bytes: found.len(),
        inode: found.ino(),
    })
}

/// Watches the folders, because editors and builds replace files: a watch on the file itself
/// would follow the old one.
pub(super) fn start(
    plugins: &[(&PluginSpec, Touched)],
    control: &Sender<Wake>,
) -> Option<RecommendedWatcher> {
    let mut names: Vec<(PathBuf, OsString, usize, Touched)> = Vec::new();
    for (plugin, (spec, touched)) in plugins.iter().enumerate() {
        for path in files(spec) {
            // A link's target changes in its own folder.
            let target = path.canonicalize().ok();
            for path in [Some(path.to_owned()), target].into_iter().flatten() {
                if let Some((folder, name)) = split(&path) {
                    names.push((folder, name, plugin, touched.clone()));
                }
            }
        }
    }
    let folders: HashSet<PathBuf> = names.iter().map(|(folder, ..)| folder.clone()).collect();
    let control = control.clone();
    let on_event = move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        for changed in event.paths.iter().filter_map(|path| path.file_name()) {
            for (_, name, plugin, touched) in &names {
                if (changed == name || changed == MOUNT_LINK) && touched.set() {
                    let _ = control.send(Wake::Look(*plugin));
                }
            }
        }
    };
    let watcher = notify::recommended_watcher(on_event);
    let mut watcher = watcher
        .inspect_err(|error| tracing::warn!(%error, "plugin files are looked at once a second"))
        .ok()?;
    for folder in folders {
        if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
            tracing::warn!(
                folder = %folder.display(), %error,
                "cannot watch the folder: its plugin files are looked at once a second"
            );
        }
    }
    Some(watcher)
}

fn split(path: &Path) -> Option<(PathBuf, OsString)> {
    let folder = match path.parent()? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    Some((folder.to_owned(), path.file_name()?.to_owned()))
}
