//! `tidegate token`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;

use super::failure::print;
use super::{Failure, settings};
use crate::auth::{Claims, Mint};
use crate::config::{Settings, parse_duration};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a signed token
    ///
    /// Signed with the keys that `serve` would use here: TIDEGATE_KEYS, else the key in the data
    /// folder, which is made if it is not there.
    #[command(after_help = "\
Examples:
  tidegate token mint --sub alice --scope user:read:chat --scope user:write:chat
  tidegate token mint --sub billing --scope tidegate:publish --ttl 30d")]
    Mint {
        /// Whom it speaks for
        #[arg(long, value_name = "ID", value_parser = subject)]
        sub: String,
        /// What it may do; may be given several times
        #[arg(long, value_name = "SCOPE", value_parser = scope)]
        scope: Vec<String>,
        /// How long it is valid, such as 90s, 10m, 1h, 7d
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = ttl)]
        ttl: Duration,
    },
}

pub(super) fn run(command: Command, file: Option<PathBuf>) -> Result<(), Failure> {
    let Command::Mint { sub, scope, ttl } = command;
    let settings = settings::reading(file)?.settings()?;
    let token = mint(&settings, sub, scope, ttl)?;
    print(&format!("{token}\n")).map(drop)
}

pub(super) fn mint(
    settings: &Settings,
    subject: String,
    scopes: Vec<String>,
    ttl: Duration,
) -> Result<String, Failure> {
    let mint = Mint::load(&settings.auth).context("cannot load the signing key")?;
    let claims = Claims {
        subject,
        scopes,
        session_id: None,
        ttl,
    };
    Ok(mint.mint(&claims).context("cannot make the token")?)
}

fn subject(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("a subject is not empty".to_owned());
    }
    Ok(text.to_owned())
}

fn scope(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("a scope is one word; give --scope several times".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|ttl| *ttl >= Duration::from_secs(1))
        .ok_or_else(|| "is no duration of 1s or more, such as 90s, 10m, 1h, 7d".to_owned())
}
