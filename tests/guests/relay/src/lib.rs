//! A mapper that hands records on to the user who is their key, and whose records can ask for
//! every kind of failure.

use tidegate_plugin::{Error, Mapper, Outcome, Plugin, Publication, Record};

struct Relay {
    /// Whether a record has asked to fail once.
    failed: bool,
}

impl Plugin for Relay {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self { failed: false })
    }
}

impl Mapper for Relay {
    fn map(&mut self, record: &Record<'_>) -> Result<Outcome, Error> {
        let Some(value) = record.value else {
            return Ok(Outcome::skip("tombstone"));
        };
        let value = String::from_utf8_lossy(value).into_owned();
        let user = String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned();
        let topic = format!("user:{user}:notification");
        let one = |topic: &str, payload: &str| {
            let publication = Publication::new(topic, payload).event("notification");
            Ok(Outcome::publish(vec![publication]))
        };
        match value.as_str() {
            "trap" => panic!("asked to"),
            "refuse" => Err(Error::new("refused", "asked to")),
            "fail" => Err(Error::new("failing", "asked to").retryable()),
            "once" if !std::mem::replace(&mut self.failed, true) => {
                Err(Error::new("failing", "asked to").retryable())
            }
            "once" => one(&topic, "\"once\""),
            "nonsense" => one(&topic, "{no json"),
            "elsewhere" => one("channel:update", "1"),
            "nowhere" => one("a::b", "1"),
            "twice" => Ok(Outcome::publish(vec![
                Publication::new(&*topic, "1"),
                Publication::new(&*topic, "2"),
            ])),
            value => one(&topic, value),
        }
    }
}

tidegate_plugin::export!(Relay: Mapper, name: "relay", version: "1.0.0", retries: 2);
