//! The command line. Answers go to stdout, everything else to stderr; the exit code is 0, 1
//! (failed) or 2 (wrong usage or settings).

mod config;
mod endpoint;
mod failure;
mod keys;
mod listen;
mod notify;
mod publish;
mod serve;
mod service;
mod settings;
mod store;
mod token;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use failure::Failure;
pub use serve::describe_metrics;

/// A real-time edge broker whose policy and product logic are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    arg_required_else_help = true,
    after_help = "Settings come from tidegate.toml, .env and the environment, the later ones \
                  winning; `tidegate config show` tells which is in effect and from where.\n\n\
                  Exit codes: 0 done, 1 failed, 2 wrong usage or settings."
)]
pub struct Invocation {
    /// The settings file [default: tidegate.toml in the current folder, if there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the broker
    #[command(after_help = serve::HELP)]
    Serve,
    /// Make keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Make tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Publish one message through a running broker
    Publish(publish::Arguments),
    /// Give a running broker one record for a user, as a producer would write it to Kafka
    Notify(notify::Arguments),
    /// Print what is published on topics, a line of JSON a message
    Listen(listen::Arguments),
    /// Export, import and count what plugins store, make their tables
    #[command(subcommand)]
    Store(store::Command),
    /// Check and show settings
    #[command(subcommand)]
    Config(config::Command),
}

impl Invocation {
    /// Does what was asked for.
    ///
    /// # Errors
    /// With what to tell the user and the exit code.
    pub fn run(self) -> Result<(), Failure> {
        // Several TLS providers may be linked; whoever asks for none by name gets this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let file = self.config;
        match self.command {
            Command::Serve => serve::run(file),
            Command::Keys(command) => keys::run(command),
            Command::Token(command) => token::run(command, file),
            Command::Publish(arguments) => publish::run(arguments, file),
            Command::Notify(arguments) => notify::run(arguments, file),
            Command::Listen(arguments) => listen::run(arguments),
            Command::Store(command) => store::run(command, file),
            Command::Config(command) => config::run(command, file),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Invocation;

    #[test]
    fn the_command_line_is_consistent() {
        Invocation::command().debug_assert();
    }
}
