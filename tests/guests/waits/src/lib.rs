//! A mapper and an admission that do what a record or a subject says; see the README beside it.

use std::time::Duration;

use serde::Deserialize;
use tidegate_plugin::{
    Admission, Admitted, Error, Mapper, Outcome, Plugin, Publication, Record, Visitor, http,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where subjects are asked about: `URL/SUBJECT`.
    #[serde(default)]
    url: String,
    #[serde(default)]
    remember_ms: u64,
    #[serde(default)]
    init: Option<String>,
    #[serde(default = "five_seconds")]
    timeout_ms: u64,
    /// Answered to all.
    #[serde(default)]
    always: Option<String>,
}

fn five_seconds() -> u64 {
    5_000
}

struct Waits {
    settings: Settings,
    calls: u32,
}

impl Plugin for Waits {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        match settings.init.as_deref() {
            Some("fails") => Err(Error::settings("this guest fails in init")),
            Some("spins") => spin(),
            _ => Ok(Self { settings, calls: 0 }),
        }
    }
}

impl Mapper for Waits {
    fn map(&mut self, record: &Record<'_>) -> Result<Outcome, Error> {
        let Some(value) = record.value else {
            return Ok(Outcome::skip("tombstone"));
        };
        match value {
            b"trap" => panic!("this guest panics in a record"),
            b"spin" => spin(),
            b"hog" => hog(),
            b"fail" => Err(Error::new("bad-record", "this guest fails on it")),
            b"later" => Err(Error::new("busy", "this guest wants it later").retryable()),
            b"long" => Err(Error::new("long", "x".repeat(5_000))),
            b"fetch" => Ok(Outcome::skip(fetched(http::Request::get("http://a/")))),
            b"echo" => Ok(Outcome::skip(format!("{record:?}"))),
            _ => {
                let key = record.key.map(String::from_utf8_lossy).unwrap_or_default();
                let payload = String::from_utf8_lossy(value);
                let topic = format!("user:{key}:notification");
                let publication = Publication::new(topic, payload).event("notification");
                Ok(Outcome::publish(vec![publication]))
            }
        }
    }
}

impl Admission for Waits {
    fn admit(&mut self, visitor: &Visitor<'_>) -> Result<Admitted, Error> {
        self.calls += 1;
        let remember = Duration::from_millis(self.settings.remember_ms);
        if let Some(answer) = &self.settings.always {
            return Ok(match answer.as_str() {
                "yes" => Admitted::yes(),
                "trap" => panic!("this guest panics in all calls"),
                other => Admitted::no("always", other),
            }
            .remember_for(remember));
        }
        match visitor.subject {
            "trap" => panic!("this guest panics in an admission"),
            "spin" => spin(),
            "hog" => hog(),
            "refused" => Ok(Admitted::no("unknown-user", "nobody is called that")
                .data(r#"{"since":"today"}"#)
                .remember_for(remember)),
            "no-json" => Ok(Admitted::no("a", "b").data("{")),
            "error" => Err(Error::new("user-service", "it is away").retryable()),
            "calls" => Ok(Admitted::no("calls", self.calls.to_string())),
            "echo" => Ok(Admitted::no(
                "echo",
                format!("[{}] over {}", visitor.scopes.as_str(), visitor.transport),
            )),
            subject => self.ask(subject).map(|answer| answer.remember_for(remember)),
        }
    }
}

impl Waits {
    fn ask(&self, subject: &str) -> Result<Admitted, Error> {
        let url = if subject.starts_with("http") {
            subject.to_owned()
        } else {
            format!("{}/{subject}", self.settings.url)
        };
        let request = http::Request::get(url)
            .header("x-asks", "waits")
            .timeout(Duration::from_millis(self.settings.timeout_ms));
        let response = request.send()?;
        Ok(match response.status {
            200 => Admitted::yes(),
            status => Admitted::no("not-ok", status.to_string()),
        })
    }
}

fn fetched(request: http::Request) -> String {
    match request.send() {
        Ok(response) => response.status.to_string(),
        Err(error) => error.code,
    }
}

fn spin() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Ends in a trap, when the host gives no more.
fn hog() -> ! {
    loop {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

tidegate_plugin::export!(
    Waits: Mapper + Admission, name: "guest", grants: ["http"], retries: 7
);
