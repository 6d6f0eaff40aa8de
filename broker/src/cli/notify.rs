//! `tidegate notify`: one `POST /ingest/user-notifications`, as a producer would write it to Kafka.

use std::path::PathBuf;

use clap::Args;
use reqwest::header::HeaderValue;

use super::Failure;
use super::service::Service;

/// What the broker takes the record's key from.
const KEY: &str = "tidegate-key";

#[derive(Debug, Args)]
#[command(after_help = "\
The record goes through the mapper as one from Kafka does: its key is USER, its value MESSAGE.
Without --token it signs one with the keys that `serve` would use here, so that it works beside a
broker that runs in the same folder.

Examples:
  tidegate notify alice '{\"title\":\"hi\"}'
  tidegate notify alice '{\"title\":\"hi\"}' --topic user-notifications --url https://edge.example.com")]
pub(super) struct Arguments {
    /// The user's id
    #[arg(value_parser = key)]
    user: HeaderValue,
    /// JSON; it goes as it is, for its mapper to judge
    message: String,
    /// The source's topic
    #[arg(long, default_value = "user-notifications", value_parser = topic)]
    topic: String,
    #[command(flatten)]
    service: Service,
}

pub(super) fn run(arguments: Arguments, file: Option<PathBuf>) -> Result<(), Failure> {
    let Arguments {
        user,
        message,
        topic,
        service,
    } = arguments;
    service.post(file, &format!("/ingest/{topic}"), |request| {
        request.header(KEY, user).body(message)
    })
}

fn key(text: &str) -> Result<HeaderValue, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "has bytes that no HTTP header takes".to_owned())
}

fn topic(text: &str) -> Result<String, String> {
    crate::source::check_topic(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn users_of_any_language_are_taken_and_bad_topics_are_not() {
        let typed = |user, topic| {
            Typed::try_parse_from(["notify", user, "{}", "--topic", topic]).map(|t| t.arguments)
        };
        let arguments = typed("Jürgen", "t.1").expect("usage");
        assert_eq!(arguments.user.as_bytes(), "Jürgen".as_bytes());
        assert!(typed("", "t").is_err() && typed("a\nb", "t").is_err());
        assert!(typed("a", "t/../publish").is_err());
    }
}
