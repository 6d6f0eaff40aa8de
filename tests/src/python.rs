//! Python programs with the packages of `tests/python/requirements.txt`, in a virtual environment
//! of their own in the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tokio::task::spawn_blocking;

use crate::artifacts;
use crate::node::checked;

/// Runs a program of the virtual environment (`python`, `kosoku`) in `tests/python`; it must
/// exit 0. Answers what it printed.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = command(program).await;
    command.args(arguments);
    let output = spawn_blocking(move || command.output());
    let output = output.await.expect("python ran");
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    checked(program, output)
}

/// A program of the virtual environment, to be started in `tests/python`.
pub async fn command(program: &str) -> Command {
    let environment = spawn_blocking(environment)
        .await
        .expect("the virtual environment is there");
    let mut command = Command::new(environment.join("bin").join(program));
    command.current_dir(source());
    command
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// Made once; a stamp holds the requirements that it was made from.
fn environment() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = artifacts::target().join("tests-python");
        let wanted = std::fs::read_to_string(source().join("requirements.txt"));
        let wanted = wanted.expect("tests/python/requirements.txt is there");
        let stamp = folder.join("requirements.txt");
        if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
            install(&folder);
            std::fs::write(&stamp, wanted).expect("the stamp is written");
        }
        folder
    })
}

fn install(folder: &Path) {
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder)
        .output()
        .expect("python3 is missing: install Python 3.10 or later with venv");
    checked("python3 -m venv", made);
    let installed = Command::new(folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(source().join("requirements.txt"))
        .output()
        .expect("pip is in the virtual environment");
    checked("pip install -r tests/python/requirements.txt", installed);
}
