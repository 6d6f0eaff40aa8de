//! Format and lints of all that is written in Rust.

use crate::command;
use crate::repo::Repo;

pub fn run(repo: &Repo) -> anyhow::Result<()> {
    let mut roots = vec![repo.root.clone()];
    roots.extend(repo.guest_workspaces()?);
    for root in &roots {
        println!("checking format in {}", root.display());
        command::run(command::cargo(root).args(["fmt", "--all", "--check"]))?;
    }
    for root in &roots {
        println!("checking lints in {}", root.display());
        let mut cargo = command::cargo(root);
        cargo.args(["clippy", "--workspace", "--all-targets", "--quiet"]);
        if *root != repo.root {
            cargo.env("CARGO_TARGET_DIR", repo.native_guest_target());
        }
        command::run(cargo.args(["--", "--deny", "warnings"]))?;
    }
    Ok(())
}
