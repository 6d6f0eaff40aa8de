//! Tidegate's gateway plugin: topic patterns with the scopes that listening and publishing need,
//! and session documents turned into a subject with scopes. Everything is in its settings; the
//! shipped ones are `gateway.toml`.

mod demand;
mod document;
mod rules;
mod settings;

use std::time::Duration;

use tidegate_plugin::{Authorizer, Decision, Error, Plugin, Principal, Principals, Question};

use crate::document::Reader;
use crate::rules::Rules;
use crate::settings::Settings;

struct Gateway {
    rules: Rules,
    reader: Reader,
    remember: Duration,
}

impl Plugin for Gateway {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            rules: Rules::new(settings.topics)?,
            reader: Reader::new(settings.principals),
            remember: Duration::from_millis(settings.remember_ms.into()),
        })
    }
}

impl Authorizer for Gateway {
    fn authorize(&mut self, question: &Question<'_>) -> Decision {
        self.rules.decide(question).remember_for(self.remember)
    }
}

impl Principals for Gateway {
    fn principal(&mut self, session: &str) -> Result<Principal, Error> {
        self.reader.principal(session)
    }
}

tidegate_plugin::export!(Gateway: Authorizer + Principals);

#[cfg(test)]
mod tests;
