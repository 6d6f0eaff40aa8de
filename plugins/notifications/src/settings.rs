//! The settings as they are written.

use serde::Deserialize;

use crate::pointer::Pointer;
use crate::source::{EventName, Sources, UserSources};
use crate::template::{PathTemplate, TopicTemplate};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) records: RecordSettings,
    pub(crate) admission: AdmissionSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecordSettings {
    pub(crate) users: UserSources,
    pub(crate) recipients_max: u32,
    pub(crate) topic: TopicTemplate,
    pub(crate) event: Sources,
    pub(crate) default_event: EventName,
    pub(crate) payload: Payload,
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self {
            users: UserSources::default(),
            recipients_max: 1000,
            topic: TopicTemplate::default(),
            event: Sources::default(),
            default_event: EventName::default(),
            payload: Payload::default(),
        }
    }
}

/// Where the payload may stand in the value.
#[derive(Deserialize)]
#[serde(try_from = "Vec<Pointer>")]
pub(crate) struct Payload(pub(crate) Vec<Pointer>);

impl Default for Payload {
    fn default() -> Self {
        Self(vec![Pointer::whole()])
    }
}

impl TryFrom<Vec<Pointer>> for Payload {
    type Error = String;

    fn try_from(pointers: Vec<Pointer>) -> Result<Self, String> {
        if pointers.is_empty() {
            return Err("no place is listed; \"\" is the whole value".into());
        }
        for pointer in &pointers {
            pointer.must_be_single()?;
        }
        Ok(Self(pointers))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AdmissionSettings {
    pub(crate) user_service_url: String,
    pub(crate) path: PathTemplate,
    /// A secret: in no message.
    pub(crate) token: String,
    pub(crate) active: Pointer,
    pub(crate) timeout_ms: u32,
    pub(crate) when_unavailable: WhenUnavailable,
    pub(crate) remember_ms: u32,
    pub(crate) remember_refusal_ms: u32,
    pub(crate) remember_unavailable_ms: u32,
}

impl Default for AdmissionSettings {
    fn default() -> Self {
        Self {
            user_service_url: String::new(),
            path: PathTemplate::default(),
            token: String::new(),
            active: Pointer::whole(),
            timeout_ms: 2000,
            when_unavailable: WhenUnavailable::Refuse,
            remember_ms: 60_000,
            remember_refusal_ms: 5000,
            remember_unavailable_ms: 1000,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhenUnavailable {
    Refuse,
    Admit,
}
