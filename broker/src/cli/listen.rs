//! `tidegate listen`: a `/ws` client that behaves as `docs/protocol.md` asks of clients.

mod connection;
mod output;
mod pace;

use clap::Args;
use url::Url;

use anyhow::Context;

use super::failure::say;
use super::publish::topic;
use super::{Failure, endpoint};
use crate::topic::Topic;
use connection::{Connection, End};
use output::Output;
use pace::Backoff;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints the `data` of each MESSAGE as one line of JSON. When the connection ends it comes back, as
the protocol asks, until it is stopped or refused.

Examples:
  tidegate listen channel:update
  tidegate listen user:alice:notification --token \"$(tidegate token mint --sub alice)\"
  tidegate listen channel:update --count 1 | jq .message")]
pub(super) struct Arguments {
    #[arg(required = true, value_parser = topic)]
    topics: Vec<Topic>,
    /// For topics that need one
    #[arg(long)]
    token: Option<String>,
    /// End after this many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End when the connection ends, instead of coming back
    #[arg(long)]
    once: bool,
    #[arg(long, default_value = "ws://localhost:4444/ws", value_parser = endpoint::parse)]
    url: Url,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(listen(&arguments))
}

async fn listen(arguments: &Arguments) -> Result<(), Failure> {
    let mut output = Output::new(arguments.count);
    let mut backoff = Backoff::default();
    let mut previous: Option<Connection> = None;
    let mut has_listened = false;
    loop {
        let end = match Connection::open(arguments, &mut output).await {
            Ok(mut connection) => {
                has_listened = true;
                backoff.reset();
                if let Some(old) = previous.take() {
                    old.finish(&mut output).await;
                }
                let end = connection.read(&mut output).await;
                if matches!(end, End::AskedToReconnect) && !arguments.once {
                    previous = Some(connection);
                    continue;
                }
                end
            }
            Err(end) => end,
        };
        let why = match end {
            End::Enough => return Ok(()),
            End::Output(failure) => return Err(failure),
            End::AskedToReconnect => "the server asked to come back".to_owned(),
            End::Refused(why) => return Err(Failure::Failed(anyhow::Error::msg(why))),
            End::Lost(why) if !has_listened => {
                return Err(Failure::Failed(anyhow::Error::msg(why)));
            }
            End::Lost(why) => why,
        };
        if arguments.once {
            return Err(Failure::Failed(anyhow::Error::msg(why)));
        }
        let wait = backoff.next();
        say(format_args!(
            "{why}; next try in {:.1} s",
            wait.as_secs_f64()
        ));
        tokio::time::sleep(wait).await;
    }
}
