//! Builds of the native code.

use crate::command;
use crate::repo::{Profile, Repo};

/// Builds the `tidegate` binary.
pub fn broker(repo: &Repo, profile: Profile) -> anyhow::Result<()> {
    let mut cargo = command::cargo(&repo.root);
    cargo.args(["build", "--package", "tidegate", "--bin", "tidegate"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    command::run(&mut cargo)
}

/// Builds all that `cargo test` will need and the plain binaries and examples that tests start,
/// in one go: cargo then resolves features once, and the two share what is compiled.
pub fn for_tests(repo: &Repo) -> anyhow::Result<()> {
    command::run(command::cargo(&repo.root).args([
        "build",
        "--workspace",
        "--bins",
        "--examples",
        "--tests",
    ]))
}
