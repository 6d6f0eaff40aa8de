//! A mapper that has one outcome too few, which the SDK's trait does not let happen.

use tidegate_plugin::{Error, Plugin};

struct Miscounts;

impl Plugin for Miscounts {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

tidegate_plugin::export_with_manifest!(Miscounts; hooks: ["mapper"], name: "guest");

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod mapper {
    use tidegate_plugin::bindings::mapper::{Guest, Outcome, SourceRecord};

    struct Component;

    impl Guest for Component {
        fn map(records: Vec<SourceRecord>) -> Vec<Outcome> {
            records
                .iter()
                .skip(1)
                .map(|_| Outcome {
                    kind: 0,
                    publications: Vec::new(),
                    code: String::new(),
                    message: String::new(),
                    retryable: false,
                })
                .collect()
        }
    }

    tidegate_plugin::bindings::mapper::export!(
        Component with_types_in tidegate_plugin::bindings::mapper
    );
}
