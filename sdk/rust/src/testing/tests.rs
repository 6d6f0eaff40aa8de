mod calls;
mod store;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{AnySettings, clock, http, publisher, random, settings};

struct Anything;

impl Plugin for Anything {
    type Settings = AnySettings;

    fn new(_: AnySettings) -> Result<Self, Error> {
        Ok(Self)
    }
}

#[test]
fn a_new_host_forgets_the_one_before() {
    let before = Host::new();
    crate::warn!("one");
    assert_eq!(before.logs().len(), 1);
    assert!(Host::new().logs().is_empty());
}

#[test]
fn both_clocks_go_on_when_time_passes() {
    let host = Host::new();
    let (now, monotonic) = (clock::now(), clock::monotonic());
    host.pass(Duration::from_secs(3));
    assert_eq!(clock::now() - now, Duration::from_secs(3));
    assert_eq!(clock::monotonic() - monotonic, Duration::from_secs(3));
}

#[test]
fn random_numbers_are_the_same_in_every_run() {
    let numbers = || {
        let _host = Host::new();
        let mut bytes = [0; 5000];
        random::fill(&mut bytes);
        (bytes, random::u64())
    };
    let (bytes, number) = numbers();
    assert_eq!((bytes, number), numbers());
    assert!(bytes[4096..].iter().any(|byte| *byte != 0));
}

#[test]
fn single_settings_are_typed_and_named() {
    let host = Host::new();
    let started: Result<Anything, Error> = host.start(&json!({"limit": 3}));
    assert!(started.is_ok());
    assert_eq!(settings::get::<u32>("limit"), Ok(Some(3)));
    assert_eq!(settings::get::<u32>("other"), Ok(None));
    let error = settings::get::<String>("limit").expect_err("3 is no text");
    assert!(error.message.starts_with("setting limit: "), "{error}");
}

#[test]
fn settings_errors_name_the_path() {
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[serde(rename = "list")]
        _list: Vec<u8>,
    }
    let error = settings::parse::<Outer>(r#"{"list":[1,"x"]}"#).expect_err("x is no number");
    assert!(error.message.starts_with("settings: list[1]: "), "{error}");
}

#[test]
fn publications_are_kept_or_refused() {
    let host = Host::new();
    publisher::publish("a:b", Some("e"), &json!({"n": 1})).expect("taken");
    assert_eq!(
        host.published(),
        [Published {
            topic: "a:b".into(),
            event: Some("e".into()),
            payload: json!({"n": 1}),
        }]
    );
    let error = publisher::publish("a::b", None, &1).expect_err("no topic");
    assert_eq!(error.code, "bad-topic");
    host.watch(|call| {
        assert_eq!(
            (call.name, call.target.as_str()),
            ("publisher.publish", "a")
        );
        Some(Fault::Undone(Error::new("busy", "later").retryable()))
    });
    let error = publisher::publish("a", None, &1).expect_err("refused");
    assert!(error.retryable);
    assert_eq!(host.published().len(), 1);
}

#[test]
fn requests_are_answered_by_the_test() {
    let host = Host::new();
    let unanswered = http::Request::get("http://users/1").send();
    assert_eq!(unanswered.expect_err("nobody answers").code, "unreachable");
    host.on_fetch(|request| {
        crate::info!("{} {}", request.method, request.url);
        Ok(Response {
            status: 200,
            headers: request.headers.clone(),
            body: request.body.clone(),
        })
    });
    let request = http::Request::post("http://users/1", "[7]").header("X-Id", "9");
    let response = request.send().expect("answered");
    assert_eq!(response.header("x-id"), Some("9"));
    assert_eq!(response.json::<Vec<u8>>(), Ok(vec![7]));
    assert!(response.json::<String>().is_err());
    assert_eq!(host.logs()[0].message, "POST http://users/1");
}
