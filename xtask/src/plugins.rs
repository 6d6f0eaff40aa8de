//! Plugins and test guests: from packages to components beside the broker's binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde::Deserialize;

use crate::command;
use crate::deliver;
use crate::repo::{Guest, Profile, Repo};
use crate::wasm::{self, Toolchain};

/// Builds every package under `plugins/` and delivers it to `target/<profile>/plugins/`.
pub fn build_shipped(repo: &Repo, profile: Profile) -> anyhow::Result<()> {
    deliver_all(repo, &repo.plugins()?, &repo.plugin_folder(profile))
}

/// Builds every package under `tests/guests/` and delivers it to `target/<profile>/guests/`.
pub fn build_test_guests(repo: &Repo, profile: Profile) -> anyhow::Result<()> {
    deliver_all(repo, &repo.test_guests()?, &repo.guest_folder(profile))
}

/// Builds one plugin and delivers its component and settings to `folder`.
pub fn build_into(repo: &Repo, guest: &Guest, folder: &Path) -> anyhow::Result<()> {
    let toolchain = toolchain()?;
    let component = compile(repo, &toolchain, guest)?;
    deliver::file(&component, &folder.join(format!("{}.wasm", guest.name)))?;
    deliver_settings(guest, folder)
}

/// Copies a plugin's settings file, if it has one.
pub fn deliver_settings(guest: &Guest, folder: &Path) -> anyhow::Result<()> {
    let settings = guest.settings();
    if settings.exists() {
        deliver::file(&settings, &folder.join(format!("{}.toml", guest.name)))?;
    }
    Ok(())
}

fn deliver_all(repo: &Repo, guests: &[Guest], folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for guest in guests {
        build_into(repo, guest, folder)?;
    }
    remove_others(guests, folder)
}

fn toolchain() -> anyhow::Result<Toolchain> {
    Toolchain::find().with_context(|| format!("no compiler for {}", wasm::TARGET))
}

/// Returns the component that cargo made.
fn compile(repo: &Repo, toolchain: &Toolchain, guest: &Guest) -> anyhow::Result<PathBuf> {
    let mut cargo = toolchain.cargo(&guest.folder, &repo.guest_target());
    cargo
        .args(["build", "--release", "--quiet", "--target", wasm::TARGET])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let shown = command::shown(&cargo);
    let output = cargo
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot start `{shown}`"))?;
    anyhow::ensure!(
        output.status.success(),
        "plugin {} does not build (in {})",
        guest.name,
        guest.folder.display()
    );
    component_among(&output.stdout, &guest.manifest())
        .with_context(|| format!("{} makes no .wasm: is it a cdylib?", guest.folder.display()))
}

#[derive(Deserialize)]
struct Message {
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

fn component_among(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.manifest_path.as_deref() == Some(manifest))
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|ending| ending == "wasm"))
}

/// A plugin that is gone from the source must not be loaded any more.
fn remove_others(guests: &[Guest], folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let ours = file.extension().is_some_and(|e| e == "wasm" || e == "toml");
        let known = file
            .file_stem()
            .and_then(|name| name.to_str())
            .is_some_and(|name| guests.iter().any(|guest| guest.name == name));
        if ours && !known {
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_the_packages_own_and_no_dependencys() {
        let messages = br#"{"reason":"compiler-artifact","manifest_path":"/dep/Cargo.toml","filenames":["/t/dep.wasm"]}
not json
{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","filenames":["/t/libp.rlib","/t/p.wasm"]}
{"reason":"build-finished","success":true}
"#;
        let found = component_among(messages, Path::new("/p/Cargo.toml"));
        assert_eq!(found, Some(PathBuf::from("/t/p.wasm")));
        assert_eq!(component_among(messages, Path::new("/q/Cargo.toml")), None);
    }
}
