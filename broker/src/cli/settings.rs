//! The settings as the commands want them.

use std::path::PathBuf;

use anyhow::Context;

use crate::auth::KeySet;
use crate::config::{Problem, Problems, Reading, Settings, Sources, read};

use super::Failure;

pub(super) fn reading(file: Option<PathBuf>) -> Result<Reading, Failure> {
    let sources = Sources::of_process(file).context("cannot look for settings")?;
    Ok(read(sources)?)
}

/// What `serve` takes. Given keys are read, so that a wrong file is a wrong setting; none are
/// made.
pub(super) fn for_serving(file: Option<PathBuf>) -> Result<Settings, Failure> {
    let settings = reading(file)?.serving()?;
    let auth = &settings.auth;
    if !auth.keys.is_empty()
        && let Err(error) = KeySet::load(&auth.keys, &auth.data)
    {
        return Err(Failure::Settings(Problems(vec![Problem {
            origin: crate::config::origin::Origin::Default,
            name: "TIDEGATE_KEYS".to_owned(),
            what: format!("{:#}", anyhow::Error::new(error)),
        }])));
    }
    Ok(settings)
}
