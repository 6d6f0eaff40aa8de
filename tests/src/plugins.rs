//! A plugins folder that a test may change while a broker serves from it.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use tempfile::TempDir;

use crate::artifacts;

/// Starts as a copy of the default plugins; for `TIDEGATE_PLUGINS`.
pub struct Plugins(TempDir);

impl Default for Plugins {
    fn default() -> Self {
        Self::new()
    }
}

impl Plugins {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let defaults = std::fs::read_dir(artifacts::plugins()).expect("the plugins are there");
        for file in defaults {
            let file = file.expect("a folder entry").path();
            let is_plugin = file
                .extension()
                .is_some_and(|end| end == "wasm" || end == "toml");
            if let (true, Some(name)) = (is_plugin, file.file_name()) {
                std::fs::copy(&file, folder.path().join(name)).expect("the plugin is copied");
            }
        }
        Self(folder)
    }

    /// Only `guest.wasm`, one of `tests/guests`, with settings that say nothing.
    pub fn of_guest(name: &str) -> Self {
        let plugins = Self(tempfile::tempdir().expect("a folder"));
        plugins.write("guest.toml", "");
        plugins.replace_by("guest.wasm", &artifacts::guest(name));
        plugins
    }

    pub fn path(&self) -> &str {
        self.0.path().to_str().expect("a UTF-8 path")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The file's hash, as a pin in the settings has it.
    pub fn sha256(&self, name: &str) -> String {
        let hash = digest(&SHA256, &self.read(name));
        hash.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Replaces a file in one step, as build tools do.
    pub fn replace(&self, name: &str, bytes: &[u8]) {
        let next = self.file(&format!(".{name}.next"));
        std::fs::write(&next, bytes).expect("the file is written");
        std::fs::rename(&next, self.file(name)).expect("the file is renamed");
    }

    /// Replaces a component by another.
    pub fn replace_by(&self, name: &str, component: &Path) {
        self.replace(
            name,
            &std::fs::read(component).expect("the component is read"),
        );
    }

    /// Writes in place, as editors do.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("the file is written");
    }
}
