//! Builds of the native code.

use crate::command;
use crate::repo::{Profile, Repo};

/// Builds the `tidegate` binary.
///
/// Unoptimised with the features that its dependencies have in the tests, so that [`for_tests`]
/// shares all that is compiled: cargo takes those of dev-dependencies into account as soon as it
/// builds an example, and this one is the smallest. What is deployed is built without them.
pub fn broker(repo: &Repo, profile: Profile) -> anyhow::Result<()> {
    let mut cargo = command::cargo(&repo.root);
    cargo.args(["build", "--bin", "tidegate"]);
    cargo.args(match profile {
        Profile::Dev => ["--workspace", "--example", "matches"],
        Profile::Release => ["--package", "tidegate", "--release"],
    });
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
