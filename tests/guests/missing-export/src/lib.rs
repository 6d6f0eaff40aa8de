//! Says in its manifest that it is an authorizer, and is none.

use tidegate_plugin::{Error, Plugin};

struct Pretender;

impl Plugin for Pretender {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

tidegate_plugin::export_with_manifest!(Pretender; hooks: ["authorizer"], name: "guest");
