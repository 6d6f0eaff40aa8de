//! `tidegate config`.

use std::path::PathBuf;

use clap::Subcommand;

use super::failure::print;
use super::{Failure, settings};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what would keep `serve` from starting: all of it, each with its place
    #[command(after_help = "\
Exit code 0 if all is right, 2 if not.

Examples:
  tidegate config check
  tidegate --config /etc/tidegate.toml config check")]
    Check,
    /// Print the settings in effect as TOML, each with where it came from; secrets masked
    Show,
}

pub(super) fn run(command: Command, file: Option<PathBuf>) -> Result<(), Failure> {
    match command {
        Command::Check => {
            settings::for_serving(file)?;
            print("the settings are right\n").map(drop)
        }
        Command::Show => {
            let reading = settings::reading(file)?;
            print(&reading.show()).map(drop)
        }
    }
}
