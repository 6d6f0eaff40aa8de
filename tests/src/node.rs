//! Scripts of `tests/node`, with the npm packages of its lock file.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Runs `tests/node/<script>`; it must exit 0. Answers what it printed.
pub async fn run(script: &str, arguments: &[&str]) -> String {
    let (script, arguments) = (script.to_owned(), owned(arguments));
    tokio::task::spawn_blocking(move || {
        let output = Command::new("node")
            .arg(&script)
            .args(arguments)
            .current_dir(packages())
            .output()
            .expect("node is missing: install Node 20 or later");
        checked(&format!("node {script}"), output)
    })
    .await
    .expect("node ran")
}

/// The folder, after `npm ci` where the packages are missing or not those of the lock file.
fn packages() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
        if !is_installed(&folder) {
            let output = Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&folder)
                .output()
                .expect("npm is missing: install Node 20 or later with npm");
            checked("npm ci in tests/node", output);
        }
        folder
    })
}

/// npm writes its copy of the lock file last.
fn is_installed(folder: &Path) -> bool {
    let changed = |name: &str| {
        folder
            .join(name)
            .metadata()
            .and_then(|file| file.modified())
    };
    match (
        changed("package-lock.json"),
        changed("node_modules/.package-lock.json"),
    ) {
        (Ok(wanted), Ok(installed)) => installed >= wanted,
        _ => false,
    }
}

pub(crate) fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn checked(what: &str, output: Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{what} failed with {}:\n{stdout}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
