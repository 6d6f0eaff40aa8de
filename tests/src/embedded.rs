//! Sessions in the embedded store, made by the broker's own library: no request makes one there.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::Value;
use tidegate::auth::{Auth, NewSession};
use tidegate::config::{Sources, read};

use crate::setup::Setup;

/// Puts a session into the store that a broker of this setup will open. Before it starts: the file
/// is one process's at a time.
pub async fn store(setup: &Setup, document: &Value) -> NewSession {
    let environment: BTreeMap<String, OsString> = setup
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.into()))
        .collect();
    let sources = Sources {
        folder: setup.folder.path().to_owned(),
        environment,
        ..Sources::default()
    };
    let settings = read(sources).and_then(|reading| reading.settings());
    let settings = settings.unwrap_or_else(|problems| panic!("{problems}"));
    let auth = Auth::start(settings.auth).await.expect("the store opens");
    let made = auth.create_session(&document.to_string()).await;
    made.expect("the session is stored")
}
