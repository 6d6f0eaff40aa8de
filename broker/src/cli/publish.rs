//! `tidegate publish`: one `POST /publish`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Failure;
use super::service::Service;
use crate::topic::Topic;

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
    #[command(flatten)]
    service: Service,
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
    let body = body(&arguments).context("cannot write the message as JSON")?;
    arguments.service.post(file, "/publish", |request| {
        request.header(CONTENT_TYPE, "application/json").body(body)
    })
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
