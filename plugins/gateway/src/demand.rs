//! What an action demands of the caller.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::settings::Scope;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    #[default]
    Nobody,
    Anyone,
    SignedIn,
    /// All of the scopes, and, if `owner`, to be the subject at `{sub}`.
    Holder {
        owner: bool,
        scopes: Vec<String>,
    },
}

impl Demand {
    pub(crate) fn needs_owner(&self) -> bool {
        matches!(self, Self::Holder { owner: true, .. })
    }
}

/// The long form in the settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    #[serde(default)]
    owner: bool,
    #[serde(default)]
    scopes: Vec<Scope>,
}

impl<'de> Deserialize<'de> for Demand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DemandVisitor)
    }
}

struct DemandVisitor;

impl<'de> Visitor<'de> for DemandVisitor {
    type Value = Demand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"anyone\", \"signed-in\", \"owner\", \"nobody\" or a list of scopes")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Demand, E> {
        match word {
            "anyone" => Ok(Demand::Anyone),
            "signed-in" => Ok(Demand::SignedIn),
            "owner" => Ok(Demand::Holder {
                owner: true,
                scopes: Vec::new(),
            }),
            "nobody" => Ok(Demand::Nobody),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Demand, A::Error> {
        let mut scopes = Vec::new();
        while let Some(Scope(scope)) = list.next_element()? {
            scopes.push(scope);
        }
        holder(false, scopes)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Demand, A::Error> {
        let Holder { owner, scopes } = Holder::deserialize(MapAccessDeserializer::new(map))?;
        holder(
            owner,
            scopes.into_iter().map(|Scope(scope)| scope).collect(),
        )
    }
}

fn holder<E: serde::de::Error>(owner: bool, scopes: Vec<String>) -> Result<Demand, E> {
    if !owner && scopes.is_empty() {
        return Err(E::custom(
            "no scope is listed; say \"anyone\", \"signed-in\" or \"nobody\"",
        ));
    }
    Ok(Demand::Holder { owner, scopes })
}
