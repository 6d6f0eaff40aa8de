//! `tidegate publish`: one `POST /publish`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;
use url::Url;

use super::failure::print;
use super::{Failure, endpoint, settings, token};
use crate::topic::Topic;

/// The scope that `POST /publish` asks for.
const SCOPE: &str = "tidegate:publish";
const SUBJECT: &str = "tidegate-cli";
const TOKEN_TTL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
/// What of an error's body is shown.
const SHOWN_BYTES: usize = 1_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Without --token it signs one with the keys that `serve` would use here, so that it works beside a
broker that runs in the same folder.

Examples:
  tidegate publish channel:update '{\"title\":\"hi\"}'
  tidegate publish user:alice:notification 'plain text' --event notification
  tidegate publish channel:update 1 --url https://edge.example.com --token \"$TOKEN\"")]
pub(super) struct Arguments {
    #[arg(value_parser = topic)]
    topic: Topic,
    /// JSON; what is no JSON goes as a string
    message: String,
    /// The event's name
    #[arg(long)]
    event: Option<String>,
    /// An id; of publications with one id within 60 s only the first is heard
    #[arg(long)]
    id: Option<String>,
    /// The message is a string even if it looks like JSON
    #[arg(long)]
    text: bool,
    /// A service token with the scope tidegate:publish
    #[arg(long)]
    token: Option<String>,
    #[arg(long, default_value = "http://localhost:4444", value_parser = endpoint::parse)]
    url: Url,
}

#[derive(Serialize)]
struct Body<'a> {
    topic: &'a str,
    message: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

pub(super) fn run(arguments: Arguments, file: Option<PathBuf>) -> Result<(), Failure> {
    let token = match &arguments.token {
        Some(token) => token.clone(),
        None => {
            let settings = settings::reading(file)?.settings()?;
            let scopes = vec![SCOPE.to_owned()];
            token::mint(&settings, SUBJECT.to_owned(), scopes, TOKEN_TTL)?
        }
    };
    let body = body(&arguments).context("cannot write the message as JSON")?;
    let target = endpoint::http(&arguments.url, "/publish");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let answer = runtime.block_on(post(&target, &token, body))?;
    print(&format!("{}\n", answer.trim_end())).map(drop)
}

/// JSON text goes byte for byte.
fn body(arguments: &Arguments) -> serde_json::Result<String> {
    let json = if arguments.text {
        None
    } else {
        RawValue::from_string(arguments.message.trim().to_owned()).ok()
    };
    let message = match json {
        Some(json) => json,
        None => serde_json::value::to_raw_value(&arguments.message)?,
    };
    serde_json::to_string(&Body {
        topic: arguments.topic.as_str(),
        message,
        event: arguments.event.as_deref(),
        id: arguments.id.as_deref(),
    })
}

async fn post(target: &Url, token: &str, body: String) -> anyhow::Result<String> {
    let place = endpoint::shown(target);
    let response = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("cannot make an HTTP client")?
        .post(target.clone())
        .bearer_auth(token)
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(body)
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("cannot reach {place}"))?;
    let status = response.status();
    let answer = response.text().await.map_err(reqwest::Error::without_url);
    let answer = answer.with_context(|| format!("{place} broke off its answer"))?;
    if !status.is_success() {
        let shown: String = answer.trim().chars().take(SHOWN_BYTES).collect();
        anyhow::bail!("{place} answered {status}: {shown}");
    }
    Ok(answer)
}

pub(super) fn topic(text: &str) -> Result<Topic, String> {
    Topic::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn sent(typed: &[&str]) -> String {
        let typed = ["publish"].iter().chain(typed);
        body(&Typed::try_parse_from(typed).expect("usage").arguments).expect("a body")
    }

    #[test]
    fn json_goes_byte_for_byte_and_text_as_a_string() {
        for (message, json) in [
            (r#"{"b": 1,  "a":1e400}"#, r#"{"b": 1,  "a":1e400}"#),
            ("42", "42"),
            ("\"quoted\"", "\"quoted\""),
            ("plain text", "\"plain text\""),
            ("{broken", "\"{broken\""),
            ("", "\"\""),
        ] {
            let expected = format!(r#"{{"topic":"a:b","message":{json}}}"#);
            assert_eq!(sent(&["a:b", message]), expected);
        }
        let all = sent(&["a:b", "42", "--text", "--event", "e", "--id", "i"]);
        assert_eq!(
            all,
            r#"{"topic":"a:b","message":"42","event":"e","id":"i"}"#
        );
    }
}
