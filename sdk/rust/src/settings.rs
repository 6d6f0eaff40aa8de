//! Single settings at run time. Most plugins need none of this: [`crate::Plugin::new`] gets them
//! all, typed.

use serde::de::DeserializeOwned;

use crate::{Error, host::settings};

/// One top-level setting, if it is set. The error names it.
pub fn get<T: DeserializeOwned>(name: &str) -> Result<Option<T>, Error> {
    settings::get(name)
        .map(|text| {
            from_json(&text).map_err(|cause| Error::settings(format!("setting {name}: {cause}")))
        })
        .transpose()
}

/// The settings as `init` gets them. The error names the setting by its path.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    from_json(text).map_err(|cause| Error::settings(format!("settings: {cause}")))
}

fn from_json<T: DeserializeOwned>(
    text: &str,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
}
