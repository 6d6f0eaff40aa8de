use serde::de::DeserializeOwned;

use crate::Error;

/// Settings of any keys, as they are.
pub type AnySettings = serde_json::Map<String, serde_json::Value>;

/// A plugin: built once per instance from its settings, then asked through its hooks.
///
/// Every exported plugin answers the `lifecycle` hook through this trait.
pub trait Plugin: Sized + 'static {
    /// The settings, an object. `#[serde(deny_unknown_fields)]` turns a misspelt key into an
    /// error that names it; [`AnySettings`] takes any.
    type Settings: DeserializeOwned;

    /// An error refuses the candidate: the broker goes on with the generation it has, or does
    /// not start, and logs the message.
    fn new(settings: Self::Settings) -> Result<Self, Error>;

    /// Called on a candidate after [`Plugin::new`] and before it serves. An error refuses it.
    fn self_test(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The glue of the hook for `export!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_lifecycle {
    ($component:ident, $instance:ident) => {
        impl $crate::bindings::lifecycle::Guest for $component {
            fn init(
                settings: ::std::string::String,
            ) -> ::std::result::Result<(), $crate::bindings::Error> {
                Ok($instance.with(|slot| slot.init(&settings))?)
            }

            fn self_test() -> ::std::result::Result<(), $crate::bindings::Error> {
                Ok($instance.with(|slot| slot.with($crate::Plugin::self_test))?)
            }
        }
        $crate::bindings::lifecycle::export!($component with_types_in $crate::bindings::lifecycle);
    };
}
