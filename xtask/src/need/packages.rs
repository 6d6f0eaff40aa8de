//! The tests' npm and Python packages, pinned by their lock files, and Kafka's jars. The tests look
//! for them at the same places; npm's and Python's they install likewise when they are run without
//! xtask.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Context as _;

use crate::command;
use crate::repo::Repo;

/// The folders with npm packages, each with its lock file.
pub const NODE_FOLDERS: [&str; 4] = [
    "tests/node",
    "tests/browser",
    "examples/notifications",
    "sdk/client",
];

fn missing_node_folders(repo: &Repo) -> impl Iterator<Item = PathBuf> {
    let folders = NODE_FOLDERS.map(|folder| repo.root.join(folder));
    folders.into_iter().filter(|folder| !is_installed(folder))
}

pub fn node_installed(repo: &Repo) -> bool {
    missing_node_folders(repo).next().is_none()
}

/// npm writes its own copy of the lock file last.
fn is_installed(folder: &Path) -> bool {
    if !folder.join("package.json").exists() {
        return true;
    }
    let wanted = modified(&folder.join("package-lock.json"));
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    matches!((wanted, installed), (Some(wanted), Some(installed)) if installed >= wanted)
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

pub fn install_node(repo: &Repo) -> anyhow::Result<()> {
    for folder in missing_node_folders(repo) {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        command::run(npm.current_dir(folder))?;
    }
    Ok(())
}

fn requirements(repo: &Repo) -> PathBuf {
    repo.root.join("tests/python/requirements.txt")
}

fn environment(repo: &Repo) -> PathBuf {
    repo.target.join("tests-python")
}

/// The environment holds a copy of the requirements that it was made from.
pub fn python_installed(repo: &Repo) -> bool {
    let Ok(wanted) = fs::read(requirements(repo)) else {
        return true;
    };
    fs::read(environment(repo).join("requirements.txt")).is_ok_and(|stamp| stamp == wanted)
}

pub fn install_python(repo: &Repo) -> anyhow::Result<()> {
    let (folder, wanted) = (environment(repo), requirements(repo));
    command::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    command::run(pip.arg(&wanted))?;
    fs::copy(&wanted, folder.join("requirements.txt"))
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    Ok(())
}

fn pom(repo: &Repo) -> PathBuf {
    repo.root.join("tests/kafka/pom.xml")
}

fn jars(repo: &Repo) -> PathBuf {
    repo.target.join("tests-kafka")
}

/// Beside the jars lies a copy of the pom that they were fetched by.
pub fn kafka_installed(repo: &Repo) -> bool {
    let Ok(wanted) = fs::read(pom(repo)) else {
        return true;
    };
    fs::read(jars(repo).join("pom.xml")).is_ok_and(|stamp| stamp == wanted)
}

pub fn install_kafka(repo: &Repo) -> anyhow::Result<()> {
    const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
    let (folder, wanted) = (jars(repo), pom(repo));
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let mut maven = Command::new("mvn");
    maven
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(&wanted);
    maven.arg(COPY);
    maven.arg(format!(
        "-DoutputDirectory={}",
        folder.join("lib").display()
    ));
    command::run(&mut maven)?;
    fs::copy(&wanted, folder.join("pom.xml"))
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    Ok(())
}
