//! The plugin as the broker sees it: settings in, answers out.

mod any_input;
mod decisions;
mod sessions;
mod settings;

use serde_json::{Value, json};
use tidegate_plugin::testing::Host;
use tidegate_plugin::{Action, Authorizer, Decision, Error, Question, Scopes};

use crate::Gateway;

/// The file that is shipped.
fn shipped() -> Value {
    let text = include_str!("../gateway.toml");
    toml::from_str(text).expect("gateway.toml is TOML")
}

fn start(settings: &Value) -> Result<Gateway, Error> {
    Host::new().start(settings)
}

fn started(settings: &Value) -> Gateway {
    start(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(settings: &Value) -> String {
    match start(settings) {
        Ok(_) => panic!("the settings are taken: {settings}"),
        Err(error) => {
            assert_eq!(error.code, "bad-settings");
            error.message
        }
    }
}

/// A gateway with one pattern.
fn with_rule(pattern: &str, rule: Value) -> Value {
    json!({"topics": {pattern: rule}})
}

struct Caller<'a> {
    subject: Option<&'a str>,
    scopes: &'a str,
}

const ANONYMOUS: Caller<'_> = Caller {
    subject: None,
    scopes: "",
};

fn alice(scopes: &str) -> Caller<'_> {
    Caller {
        subject: Some("alice"),
        scopes,
    }
}

impl Caller<'_> {
    fn listens(&self, gateway: &mut Gateway, topic: &str) -> Decision {
        self.asks(gateway, Action::Listen, topic)
    }

    fn publishes(&self, gateway: &mut Gateway, topic: &str) -> Decision {
        self.asks(gateway, Action::Publish, topic)
    }

    fn asks(&self, gateway: &mut Gateway, action: Action, topic: &str) -> Decision {
        gateway.authorize(&Question {
            action,
            topic,
            subject: self.subject,
            scopes: Scopes::new(self.scopes),
        })
    }
}
