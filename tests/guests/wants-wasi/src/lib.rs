//! An authorizer with an import that no plugin gets.

use tidegate_plugin::{Authorizer, Decision, Error, Plugin, Question};

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tidegate:guest;

            world wants-wasi {
                import wasi:random/random@0.2.0;
            }

            package wasi:random@0.2.0 {
                interface random {
                    get-random-u64: func() -> u64;
                }
            }
        ",
        generate_all,
    });
}

struct WantsWasi;

impl Plugin for WantsWasi {
    type Settings = tidegate_plugin::AnySettings;

    fn new(_: Self::Settings) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Authorizer for WantsWasi {
    fn authorize(&mut self, _: &Question<'_>) -> Decision {
        #[cfg(target_arch = "wasm32")]
        if bindings::wasi::random::random::get_random_u64() == 0 {
            return Decision::deny("heads");
        }
        Decision::allow()
    }
}

tidegate_plugin::export!(WantsWasi: Authorizer, name: "guest");
