//! Where things are in the repository and in its target folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command;

/// Which of the broker's builds is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The name of its folder under `target/`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// The repository that this xtask was built from.
pub struct Repo {
    pub root: PathBuf,
    /// Cargo's target folder, wherever the user's settings put it.
    pub target: PathBuf,
}

/// A package that is compiled to a component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guest {
    /// The folder's name, which is the plugin's.
    pub name: String,
    pub folder: PathBuf,
}

impl Guest {
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    /// The default settings that are shipped beside the component, if the plugin has any.
    pub fn settings(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.name))
    }
}

impl Repo {
    pub fn find() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has no folder above it")?
            .to_path_buf();
        let metadata = metadata(&root)?;
        Ok(Self {
            root,
            target: metadata.target_directory,
        })
    }

    pub fn profile_folder(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.folder())
    }

    pub fn binary(&self, profile: Profile) -> PathBuf {
        self.profile_folder(profile)
            .join(format!("tidegate{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where `tidegate` looks for its plugins when nothing else is said.
    pub fn plugin_folder(&self, profile: Profile) -> PathBuf {
        self.profile_folder(profile).join("plugins")
    }

    /// Where `tidegate` looks for static files when nothing else is said.
    pub fn page_folder(&self, profile: Profile) -> PathBuf {
        self.profile_folder(profile).join("pages")
    }

    /// Where the tests find the components made to misbehave.
    pub fn guest_folder(&self, profile: Profile) -> PathBuf {
        self.profile_folder(profile).join("guests")
    }

    /// Components are compiled here, with a compiler that may not be the broker's.
    pub fn guest_target(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Plugins and SDK compiled for this machine, for their own tests.
    pub fn native_guest_target(&self) -> PathBuf {
        self.target.join("guests-native")
    }

    pub fn plugins(&self) -> anyhow::Result<Vec<Guest>> {
        packages_in(&self.root.join("plugins"))
    }

    pub fn test_guests(&self) -> anyhow::Result<Vec<Guest>> {
        packages_in(&self.root.join("tests/guests"))
    }

    /// The roots of the workspaces that plugins, SDK and test guests are in: they are not the
    /// broker's, because their dependencies want other features.
    pub fn guest_workspaces(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut roots = Vec::new();
        for guest in self.plugins()?.into_iter().chain(self.test_guests()?) {
            let root = metadata(&guest.folder)?.workspace_root;
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Ok(roots)
    }
}

#[derive(serde::Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

fn metadata(folder: &Path) -> anyhow::Result<Metadata> {
    let output = command::cargo(folder)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot run cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata failed in {}: {}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("cannot read cargo metadata of {}", folder.display()))
}

fn packages_in(folder: &Path) -> anyhow::Result<Vec<Guest>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot list {}", folder.display()));
        }
    };
    let mut packages = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        packages.push(Guest {
            name: name.to_owned(),
            folder: folder.clone(),
        });
    }
    packages.sort();
    Ok(packages)
}
