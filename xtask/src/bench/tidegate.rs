//! Tidegate as the bench starts it: in an empty folder, one worker, a key of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::kit::{Kit, succeed};
use super::server::{Server, Tuning, pinned};

/// The load generator answers no pings of Engine.IO: none may fall due (npm's are as rare).
const QUIET: &str = "[socketio]\nping_interval = \"1h\"\n";

/// With these the load generator makes a token for each connection.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub key: PathBuf,
    /// A token that Tidegate minted; the others are copies of it with other subjects.
    pub template: String,
}

pub struct Home {
    pub credentials: Credentials,
    folder: PathBuf,
    plugins: Option<PathBuf>,
}

/// Makes what Tidegate finds at start.
pub fn prepare(kit: &Kit, folder: &Path, server: Server, tuning: &Tuning) -> Result<Home> {
    let mut settings = tuning.settings.clone();
    if server == Server::TidegateSocketio {
        settings.insert_str(0, QUIET);
    }
    if !settings.is_empty() {
        fs::write(folder.join("tidegate.toml"), settings)?;
    }
    let plugins = if tuning.own_plugins {
        Some(copy_plugins(kit, folder)?)
    } else {
        None
    };
    let key = folder.join("key.pem");
    let mut generate = bare(&kit.tidegate, folder);
    generate.args(["keys", "generate", "--alg", "EdDSA", "--out"]);
    succeed(generate.arg(&key))?;
    let mut mint = bare(&kit.tidegate, folder);
    mint.env("TIDEGATE_KEYS", &key);
    mint.env("TIDEGATE_DATA", folder.join("data"));
    mint.args(["token", "mint", "--sub", "load", "--ttl", "1h"]);
    mint.args(["--scope", "channel:write", "--scope", "user:read:chat"]);
    mint.args(["--scope", "user:write:chat"]);
    let minted = mint.output().context("cannot start tidegate token mint")?;
    if !minted.status.success() {
        let said = String::from_utf8_lossy(&minted.stderr);
        bail!("tidegate token mint failed: {said}");
    }
    let template = String::from_utf8(minted.stdout)?.trim().to_owned();
    Ok(Home {
        credentials: Credentials { key, template },
        folder: folder.to_owned(),
        plugins,
    })
}

pub fn command(kit: &Kit, home: &Home, port: u16) -> Command {
    let mut command = pinned(&kit.tidegate);
    isolate(&mut command, &home.folder);
    command.arg("serve");
    command.env("PORT", port.to_string());
    command.env("TIDEGATE_WORKERS", "1");
    command.env("TIDEGATE_DATA", home.folder.join("data"));
    command.env("TIDEGATE_KEYS", &home.credentials.key);
    if let Some(plugins) = &home.plugins {
        command.env("TIDEGATE_PLUGINS", plugins);
    }
    command
}

/// The settings file of the gateway plugin of a server that has plugins of its own.
pub fn plugin_settings(folder: &Path) -> PathBuf {
    folder.join("plugins").join("gateway.toml")
}

fn copy_plugins(kit: &Kit, folder: &Path) -> Result<PathBuf> {
    let shipped = kit.tidegate.with_file_name("plugins");
    let copies = folder.join("plugins");
    fs::create_dir(&copies)?;
    let entries = fs::read_dir(&shipped).with_context(|| shipped.display().to_string())?;
    for entry in entries {
        let from = entry?.path();
        if let (true, Some(name)) = (from.is_file(), from.file_name()) {
            fs::copy(&from, copies.join(name))?;
        }
    }
    if !plugin_settings(folder).exists() {
        bail!("{} has no gateway.toml to rewrite", shipped.display());
    }
    Ok(copies)
}

fn bare(tidegate: &Path, folder: &Path) -> Command {
    let mut command = Command::new(tidegate);
    isolate(&mut command, folder);
    command
}

/// Whatever the caller's environment says of Redis or Sentry is not for this server.
fn isolate(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
}
