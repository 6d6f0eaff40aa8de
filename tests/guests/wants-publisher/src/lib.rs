//! An authorizer that also publishes, for which it needs a grant (and another hook).

use tidegate_plugin::{Authorizer, Decision, Error, Plugin, Question, publisher};

struct Gossip;

impl Plugin for Gossip {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Authorizer for Gossip {
    fn authorize(&mut self, question: &Question<'_>) -> Decision {
        match publisher::publish("gossip", None, &question.topic) {
            Ok(()) => Decision::allow(),
            Err(error) => Decision::deny(error.to_string()),
        }
    }
}

tidegate_plugin::export!(Gossip: Authorizer, name: "guest", grants: ["publisher"]);
