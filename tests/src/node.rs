//! Programs on Node: scripts of `tests/node` and `tests/browser`, and the services and the page of
//! `examples`, each with the npm packages of its lock file.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;

use tokio::task::spawn_blocking;

use crate::process::Process;
use crate::{artifacts, wait};

/// Runs `tests/node/<script>`; it must exit 0. Answers what it printed.
pub async fn run(script: &str, arguments: &[&str]) -> String {
    run_in("tests/node", &[&[script], arguments].concat()).await
}

/// Runs node in a folder of the repository; it must exit 0. Answers what it printed.
pub async fn run_in(folder: &str, arguments: &[&str]) -> String {
    let what = format!("node {} in {folder}", arguments.join(" "));
    let mut command = command(folder).await;
    command.args(arguments);
    let output = spawn_blocking(move || command.output().expect("node can be started"));
    checked(&what, output.await.expect("node ran"))
}

/// Starts a script in a folder of the repository; it is asked what it says with [`says`].
pub async fn start(folder: &str, script: &str, arguments: &[&str]) -> Process {
    let mut command = command(folder).await;
    Process::spawn(script, command.arg(script).args(arguments))
}

/// Waits until the script has said this line. Longer than for other things: a browser starts slowly
/// on a busy machine.
pub async fn says(script: &mut Process, line: &str) {
    let deadline = wait::PATIENCE * 3;
    let what = format!("the script says {line:?}");
    wait::until_within(deadline, &what, async || {
        let said = script.logs.find(|said| said == line);
        if said.is_none() {
            script.assert_running();
        }
        said
    })
    .await;
}

/// A script of `tests/browser`, whose last argument is where its screenshots go: `target/screenshots`.
pub async fn browse(script: &str, arguments: &[&str]) -> Process {
    let screenshots = artifacts::target().join("screenshots");
    std::fs::create_dir_all(&screenshots).expect("a folder for screenshots");
    let screenshots = screenshots.display().to_string();
    start(
        "tests/browser",
        script,
        &[arguments, &[&screenshots]].concat(),
    )
    .await
}

/// Node, to be started in a folder of the repository, with its packages there.
pub async fn command(folder: &str) -> Command {
    let folder = repository().join(folder);
    let installed = spawn_blocking(move || {
        install(&folder);
        folder
    });
    let mut command = Command::new("node");
    command.current_dir(installed.await.expect("the packages are there"));
    command
}

fn repository() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests is in the repository")
}

/// `npm ci` where the packages are missing or not those of the lock file, one at a time.
fn install(folder: &Path) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().expect("an installation panicked");
    if !folder.join("package.json").exists() || is_installed(folder) {
        return;
    }
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output()
        .expect("npm is missing: install Node 20 or later with npm");
    checked(&format!("npm ci in {}", folder.display()), output);
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
