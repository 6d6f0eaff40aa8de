//! `tidegate keys`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use super::Failure;
use super::failure::print;
use crate::auth::{KeyAlgorithm, keys};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key pair and print its private key as PEM
    ///
    /// The public half is served at /.well-known/jwks.json by every node that has the key.
    #[command(after_help = "\
Examples:
  tidegate keys generate --out keys.pem
  TIDEGATE_KEYS=keys.pem tidegate serve
  fly secrets set TIDEGATE_KEYS=\"$(tidegate keys generate)\"

To rotate, put the new key first and keep the old one until its tokens have expired:
  TIDEGATE_KEYS=new.pem,old.pem")]
    Generate {
        /// EdDSA, ES256 or RS256
        #[arg(long, value_name = "ALG", default_value_t)]
        alg: KeyAlgorithm,
        /// Write to a new file that only its owner can read, instead of stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) fn run(command: Command) -> Result<(), Failure> {
    let Command::Generate { alg, out } = command;
    let pem = keys::generate(alg).context("cannot make a key")?;
    match out {
        Some(path) => {
            write_new(&path, &pem).with_context(|| format!("cannot write {}", path.display()))?
        }
        None => {
            print(&pem)?;
        }
    }
    Ok(())
}

/// Never over an existing file: it may be the only copy of a key.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
