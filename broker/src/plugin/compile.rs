//! Machine code for a component: compiled off the serving engine, kept in the cache.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::settle::{Sha256, hex};
use super::{cwasm, engine};

/// Compiled components kept; a developer makes one with each edit.
const KEPT: usize = 32;

/// Where compiled components lie.
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The component, ready for `serving`. Compiles if the cache has none; a cache that cannot
    /// be used costs a compilation in the serving engine, never the plugin.
    pub(super) fn component(
        &self,
        serving: &Engine,
        bytes: &[u8],
        sha256: &Sha256,
    ) -> wasmtime::Result<Component> {
        let path = self.path(serving, sha256);
        if let Some(component) = self.cached(serving, &path) {
            return Ok(component);
        }
        let compiled = engine::compiling()?.precompile_component(bytes)?;
        match self.store(&path, &compiled) {
            Ok(()) => {
                self.prune(&path);
                cwasm::load(serving, &path)
            }
            Err(error) => {
                tracing::warn!(
                    folder = %self.folder.display(), %error,
                    "the plugin cache cannot be used: plugins are compiled at each start"
                );
                Component::new(serving, bytes)
            }
        }
    }

    fn path(&self, engine: &Engine, sha256: &Sha256) -> PathBuf {
        let mut compatibility = Fnv::default();
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        let name = format!("{}-{:016x}.cwasm", hex(sha256), compatibility.finish());
        self.folder.join(name)
    }

    fn cached(&self, engine: &Engine, path: &Path) -> Option<Component> {
        if !is_ours(&self.folder).ok()? || !is_ours(path).ok()? {
            return None;
        }
        cwasm::load(engine, path)
            .inspect_err(|error| {
                tracing::warn!(
                    file = %path.display(), error = format!("{error:#}"),
                    "compiled plugin is unusable and made anew"
                );
            })
            .ok()
    }

    fn store(&self, path: &Path, compiled: &[u8]) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        if !is_ours(&self.folder)? {
            return Err(io::Error::other(
                "the folder must be owned by the broker's user, with mode 0700",
            ));
        }
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = write_private(&draft, compiled).and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Keeps the newest files and `current`.
    fn prune(&self, current: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "cwasm"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        files.reverse();
        for (_, path) in files.into_iter().skip(KEPT) {
            if path != current {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Whether only this process's user can have written there.
fn is_ours(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(!found.is_symlink()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o077 == 0)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The standard library's hasher may change from one compiler to the next; file names must not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
