//! The plugin as the broker sees it: settings and records in, outcomes out; and a User Service
//! that answers.

mod admission;
mod any_input;
mod records;
mod settings;

use serde_json::{Value, json};
use tidegate_plugin::testing::Host;
use tidegate_plugin::{Error, Header, Mapper, Outcome, Record};

use crate::Notifications;

/// The file that is shipped, with the environment's values where the broker puts them.
fn shipped(user_service_url: &str, token: &str) -> Value {
    let text = include_str!("../notifications.toml")
        .replace("${USER_SERVICE_URL}", user_service_url)
        .replace("${USER_SERVICE_TOKEN}", token);
    toml::from_str(&text).expect("notifications.toml is TOML")
}

fn start(settings: &Value) -> Result<Notifications, Error> {
    Host::new().start(settings)
}

fn started(settings: &Value) -> Notifications {
    start(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn header(name: &str, value: &[u8]) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

fn keyed<'a>(key: &'a str, value: &'a str) -> Record<'a> {
    Record {
        topic: "user-notifications",
        key: Some(key.as_bytes()),
        ..valued(value)
    }
}

fn valued(value: &str) -> Record<'_> {
    Record {
        topic: "user-notifications",
        value: Some(value.as_bytes()),
        ..Record::default()
    }
}

/// With these `[records]` settings, and the defaults for the rest.
fn mapped(records: Value, record: &Record<'_>) -> Result<Outcome, Error> {
    started(&json!({"records": records})).map(record)
}

fn by_default(record: &Record<'_>) -> Result<Outcome, Error> {
    mapped(json!({}), record)
}

fn topics(outcome: Result<Outcome, Error>) -> Vec<String> {
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
    let publications = outcome.publications().iter();
    publications.map(|one| one.topic.clone()).collect()
}

/// Code and message of a failure, which the same record would meet again.
fn failure(outcome: Result<Outcome, Error>) -> (String, String) {
    let error = outcome.expect_err("the record fails");
    assert!(!error.retryable, "{error}");
    (error.code, error.message)
}
