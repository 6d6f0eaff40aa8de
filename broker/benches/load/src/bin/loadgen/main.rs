//! Load for one server: opens connections, publishes, counts what arrives, and prints as JSON what
//! it cost the server. One thread, so that it can be pinned to the core the server is not on.

mod caller;
mod chat;
mod dialect;
mod fanout;
mod fleet;
mod frames;
mod idle;
mod latency;
mod meter;
mod notifications;
mod opening;
mod paced;
mod procfs;
mod producer;
mod publisher;
mod sample;
mod saver;
mod target;
mod token;

use anyhow::Result;
use clap::{Parser, Subcommand};
use serde::Serialize;

use target::Target;

#[derive(Parser)]
#[command(about = "Load for one server; prints what it cost the server as JSON")]
struct Cli {
    #[command(flatten)]
    target: target::Options,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Rounds of publications to listeners of one topic.
    Fanout(fanout::Fanout),
    /// Publications at a steady rate.
    Paced(paced::Paced),
    /// Memory of connections that do nothing.
    Idle(idle::Idle),
    /// Connections a second, the upgrade included.
    Accept(idle::Accept),
    /// Records into Kafka, each for one user, until it is on that user's socket.
    Notifications(notifications::Notifications),
    /// Messages of the chat: saved, fetched, and seen by windows.
    Chat(chat::Chat),
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let target = Target::new(cli.target)?;
    match cli.scenario {
        Scenario::Fanout(options) => print(&fanout::run(&target, &options)?),
        Scenario::Paced(options) => print(&paced::run(&target, &options)?),
        Scenario::Idle(options) => print(&idle::run(&target, &options)?),
        Scenario::Accept(options) => print(&idle::accept(&target, &options)?),
        Scenario::Notifications(options) => print(&notifications::run(&target, &options)?),
        Scenario::Chat(options) => print(&chat::run(&target, &options)?),
    }
}

fn print(report: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
