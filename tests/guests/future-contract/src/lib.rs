//! An authorizer for a version of the contract that this broker does not know.

use tidegate_plugin::{Error, Plugin};

struct Future;

impl Plugin for Future {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

tidegate_plugin::export_with_manifest!(Future; hooks: ["authorizer"], name: "guest");

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod authorizer {
    wit_bindgen::generate!({
        inline: "
            package tidegate:guest;

            world future-contract {
                export tidegate:authorizer/authorizer@2.0.0;
            }

            package tidegate:authorizer@2.0.0 {
                interface authorizer {
                    authorize: func(question: string) -> bool;
                }
            }
        ",
        generate_all,
    });

    struct Component;

    impl exports::tidegate::authorizer::authorizer::Guest for Component {
        fn authorize(_: String) -> bool {
            true
        }
    }

    export!(Component);
}
