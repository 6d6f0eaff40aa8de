//! The `tidegate` program: what was typed, done, and told by the exit code.

use std::process::ExitCode;

use clap::Parser;
use tidegate::cli::Invocation;

fn main() -> ExitCode {
    let invocation = Invocation::parse();
    match invocation.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
