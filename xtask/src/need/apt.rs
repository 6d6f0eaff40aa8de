//! Debian's packages.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::command;

/// The command line that a person would type.
pub fn line(packages: &[&str]) -> String {
    format!("apt-get install {}", packages.join(" "))
}

/// Installs from the known package lists, and updates those first if that fails.
pub fn install(packages: &[&str]) -> anyhow::Result<()> {
    anyhow::ensure!(
        command::on_path("apt-get").is_some(),
        "there is no apt-get here: install what Debian calls {}",
        packages.join(", ")
    );
    if command::run(install_command(packages).stderr(Stdio::null())).is_ok() {
        return Ok(());
    }
    command::run(&mut apt(&["update", "-q"]))?;
    command::run(&mut install_command(packages))
        .with_context(|| format!("cannot install; try: {}", line(packages)))
}

fn install_command(packages: &[&str]) -> Command {
    let mut command = apt(&["install", "-q", "-y", "--no-install-recommends"]);
    command.args(packages);
    command
}

/// As root, through sudo if need be.
fn apt(arguments: &[&str]) -> Command {
    let variables = [
        "DEBIAN_FRONTEND=noninteractive",
        // invoke-rc.d starts no service in run level 1.
        "RUNLEVEL=1",
    ];
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    };
    command.args(variables).arg("apt-get").args(arguments);
    command.stdout(Stdio::null());
    command
}

/// A server that its package has just started is not wanted: tests start their own.
pub fn stop_service(name: &str) {
    if Path::new("/run/systemd/system").exists() {
        let mut command = if rustix::process::geteuid().is_root() {
            Command::new("systemctl")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.arg("systemctl");
            sudo
        };
        let _ = command.args(["disable", "--now", "--quiet", name]).status();
    }
}
