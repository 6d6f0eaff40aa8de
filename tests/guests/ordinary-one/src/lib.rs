//! Version 1 of an authorizer with nothing wrong with it.

use tidegate_plugin::{Authorizer, Decision, Error, Plugin, Question};

struct Ordinary;

impl Plugin for Ordinary {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Authorizer for Ordinary {
    fn authorize(&mut self, question: &Question<'_>) -> Decision {
        if question.topic.ends_with(":secret") {
            return Decision::deny("denied by version 1");
        }
        Decision::allow()
    }
}

tidegate_plugin::export!(Ordinary: Authorizer, name: "guest", version: "1.0.0");
