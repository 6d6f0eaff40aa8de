//! `cargo xtask …`: everything that is done to this repository, in one place.

mod bench;
mod build;
mod command;
mod deliver;
mod deps;
mod image;
mod leftover;
mod lint;
mod need;
mod pages;
mod plugins;
mod probe;
mod repo;
mod run;
mod test;
mod wasm;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::need::{Install, Need};
use crate::repo::{Profile, Repo};

/// Sets up, runs, builds, tests and measures Tidegate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    /// Install nothing: say what is missing and how to get it, and fail.
    #[arg(long, global = true)]
    no_install: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what building and testing need.
    Setup,
    /// Build and run the broker with the plugins, and rebuild a plugin when its source is saved.
    Run {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Passed to `tidegate serve`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the broker and its plugins (target/release unless --dev).
    Build {
        /// Without optimisation, into target/debug.
        #[arg(long)]
        dev: bool,
    },
    /// Build only the plugins and put them beside the broker's binary.
    Plugins {
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// Build the container image and try it: serve, listen, publish, drain.
    ///
    /// With docker or podman, whichever is there.
    Image {
        /// The image's name.
        #[arg(long, default_value = "tidegate")]
        tag: String,
        /// Try an image that is there already.
        #[arg(long)]
        no_build: bool,
        /// Passed to the build, such as `--build-arg TIDEGATE_WASM=debian`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run every test, or those whose name contains FILTER.
    Test { filter: Option<String> },
    /// Check format and lints, as CI does.
    Lint,
    /// Check licences, banned crates and duplicate versions.
    Deps,
    /// Measure: broker against floor and peers.
    #[command(disable_help_flag = true)]
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Args, Clone, Copy)]
struct ProfileArgs {
    /// With optimisation, from target/release (the first build takes minutes).
    #[arg(long)]
    release: bool,
}

impl From<ProfileArgs> for Profile {
    fn from(args: ProfileArgs) -> Self {
        if args.release {
            Self::Release
        } else {
            Self::Dev
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match perform(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> anyhow::Result<ExitCode> {
    let install = if cli.no_install {
        Install::Never
    } else {
        Install::Missing
    };
    let repo = Arc::new(Repo::find()?);
    match cli.verb {
        Verb::Setup => {
            need::ensure(&repo, Need::TO_TEST, install)?;
            println!("everything is there");
        }
        Verb::Run { profile, arguments } => {
            return run::run(&repo, profile.into(), &arguments, install);
        }
        Verb::Build { dev } => {
            let profile = if dev { Profile::Dev } else { Profile::Release };
            need::ensure(&repo, Need::TO_BUILD, install)?;
            build::broker(&repo, profile)?;
            plugins::build_shipped(&repo, profile)?;
            pages::deliver(&repo, profile)?;
            println!("built {}", repo.binary(profile).display());
        }
        Verb::Plugins { profile } => {
            need::ensure(&repo, Need::TO_BUILD, install)?;
            plugins::build_shipped(&repo, profile.into())?;
        }
        Verb::Image {
            tag,
            no_build,
            arguments,
        } => {
            let engine = image::Engine::find()?;
            if !no_build {
                engine.build(&repo, &tag, &arguments)?;
            }
            engine.check(&tag)?;
        }
        Verb::Test { filter } => return test::run(&repo, filter.as_deref(), install),
        Verb::Lint => lint::run(&repo)?,
        Verb::Deps => deps::check(&repo)?,
        Verb::Bench { arguments } => {
            // Without installing, the bench itself says what it lacks for what it is asked to do.
            if install == Install::Missing {
                need::ensure(&repo, Need::TO_BENCH, install)?;
            }
            bench::run(arguments)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
