//! The settings as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidegate_plugin::is_scope;

use crate::demand::Demand;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(default = "one_minute")]
    pub(crate) remember_ms: u32,
    /// Required: settings without it would deny everything, which nobody wants by leaving it out.
    pub(crate) topics: BTreeMap<String, TopicSettings>,
    #[serde(default)]
    pub(crate) principals: PrincipalSettings,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopicSettings {
    #[serde(default)]
    pub(crate) listen: Demand,
    #[serde(default)]
    pub(crate) publish: Demand,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PrincipalSettings {
    pub(crate) subject: Vec<Pointer>,
    pub(crate) scopes: Vec<Pointer>,
    pub(crate) default_scopes: Vec<Scope>,
}

impl Default for PrincipalSettings {
    fn default() -> Self {
        let pointers = |texts: &[&str]| texts.iter().map(|text| Pointer((*text).into())).collect();
        Self {
            subject: pointers(&[
                "/user/id",
                "/user/sub",
                "/passport/user/id",
                "/passport/user",
                "/userId",
            ]),
            scopes: pointers(&["/user/scopes", "/passport/user/scopes", "/scopes"]),
            default_scopes: Vec::new(),
        }
    }
}

fn one_minute() -> u32 {
    60_000
}

/// A JSON pointer (RFC 6901) to something below the whole document.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pointer(pub(crate) String);

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!(
                "\"{text}\" is not a JSON pointer, which begins with /"
            ));
        }
        Ok(Self(text))
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Scope(pub(crate) String);

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !is_scope(&text) {
            return Err(format!(
                "{text:?} is not a scope, which is visible ASCII without spaces and quotes"
            ));
        }
        Ok(Self(text))
    }
}
