//! JSON pointers (RFC 6901) into text that stays as it is: what is found is a piece of it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One pointer; the segment `*` is every entry of a list.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Pointer {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object, or an entry of a list by its number.
    Name(String),
    Every,
}

/// What a pointer leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<T> {
    Nothing,
    One(T),
    /// The entries of a list; None where one has nothing at the rest of the pointer.
    Every(Vec<Option<T>>),
}

impl Pointer {
    pub(crate) fn whole() -> Self {
        Self {
            text: String::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn must_be_single(&self) -> Result<(), String> {
        if self.steps.contains(&Step::Every) {
            return Err(format!("\"{}\" may lead to many places", self.text));
        }
        Ok(())
    }

    /// The error is that of text that is not JSON, which a `RawValue` never is.
    pub(crate) fn find<'v>(
        &self,
        value: &'v RawValue,
    ) -> Result<Found<&'v RawValue>, serde_json::Error> {
        let every = self.steps.iter().position(|step| *step == Step::Every);
        let (before, after) = match every {
            Some(at) => (&self.steps[..at], &self.steps[at + 1..]),
            None => (&self.steps[..], &[][..]),
        };
        let Some(reached) = descend(value, before)? else {
            return Ok(Found::Nothing);
        };
        if every.is_none() {
            return Ok(Found::One(reached));
        }
        if !is_list(reached) {
            return Ok(Found::Nothing);
        }
        let entries = entries(reached)?;
        let found: Result<_, _> = entries
            .into_iter()
            .map(|entry| descend(entry, after))
            .collect();
        Ok(Found::Every(found?))
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::whole());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!(
                "\"{text}\" is not a JSON pointer, which begins with /"
            ));
        };
        let steps: Vec<Step> = rest
            .split('/')
            .map(|segment| match segment {
                "*" => Step::Every,
                // In this order, or ~01 would become /.
                name => Step::Name(name.replace("~1", "/").replace("~0", "~")),
            })
            .collect();
        if steps.iter().filter(|step| **step == Step::Every).count() > 1 {
            return Err(format!("\"{text}\" has more than one *"));
        }
        Ok(Self { text, steps })
    }
}

fn descend<'v>(
    value: &'v RawValue,
    steps: &[Step],
) -> Result<Option<&'v RawValue>, serde_json::Error> {
    let mut at = value;
    for step in steps {
        let next = match step {
            Step::Name(name) if is_list(at) => nth(at, name)?,
            Step::Name(name) if at.get().starts_with('{') => member(at, name)?,
            Step::Name(_) | Step::Every => None,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}

fn nth<'v>(list: &'v RawValue, index: &str) -> Result<Option<&'v RawValue>, serde_json::Error> {
    // RFC 6901 §4: digits, without leading zeros.
    let is_index = index == "0" || !index.starts_with(['0', '+']);
    match index.parse::<usize>() {
        Ok(index) if is_index => Ok(entries(list)?.into_iter().nth(index)),
        _ => Ok(None),
    }
}

fn entries(list: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    struct Entries;

    impl<'v> Visitor<'v> for Entries {
        type Value = Vec<&'v RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'v>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = list.next_element()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    serde_json::Deserializer::from_str(list.get()).deserialize_seq(Entries)
}

/// Of members with the same name the last one counts, as in JavaScript.
fn member<'v>(object: &'v RawValue, name: &str) -> Result<Option<&'v RawValue>, serde_json::Error> {
    struct Member<'n>(&'n str);

    impl<'v> Visitor<'v> for Member<'_> {
        type Value = Option<&'v RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'v>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(is_it) = map.next_key_seed(Is(self.0))? {
                if is_it {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }

    serde_json::Deserializer::from_str(object.get()).deserialize_map(Member(name))
}

/// Compares a name without keeping it. As bytes, because other members' names may hold escapes
/// that are JSON but no text (`"\ud800"`).
struct Is<'n>(&'n str);

impl<'v> DeserializeSeed<'v> for Is<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'v>>(self, name: D) -> Result<bool, D::Error> {
        name.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<bool, E> {
        Ok(name == self.0.as_bytes())
    }
}
