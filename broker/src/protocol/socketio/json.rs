//! What JSON payloads must be, found by reading them once; no value is built.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An array `[name, …]`; the rest may be anything.
pub(super) struct Named<'a>(pub(super) Cow<'a, str>);

/// An array of anything.
pub(super) struct Array;

/// An object of anything.
pub(super) struct Object;

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that starts with a string or a number")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let Some(Name(name)) = seq.next_element()? else {
                    return Err(A::Error::invalid_length(0, &self));
                };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Named(name))
            }
        }
        json.deserialize_seq(Read)
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }

            fn visit_u64<E>(self, name: u64) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_string())))
            }

            fn visit_i64<E>(self, name: i64) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_string())))
            }

            fn visit_f64<E>(self, name: f64) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_string())))
            }
        }
        json.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Array;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Array, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Array)
            }
        }
        json.deserialize_seq(Read)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object)
            }
        }
        json.deserialize_map(Read)
    }
}

/// Checks that each of `attachments` has exactly one placeholder in `payload`, and that there is no
/// other. Deeper nesting than serde_json's 128 is refused.
pub(super) fn check_placeholders(payload: &str, attachments: usize) -> Result<(), Box<str>> {
    let mut seen = vec![false; attachments];
    let mut json = serde_json::Deserializer::from_str(payload);
    Walk(&mut seen)
        .deserialize(&mut json)
        .map_err(|error| error.to_string())?;
    match seen.iter().position(|seen| !seen) {
        Some(at) => Err(format!("attachment {at} has no placeholder").into()),
        None => Ok(()),
    }
}

/// Reads any value and notes the placeholders in it.
struct Walk<'s>(&'s mut [bool]);

/// What of a value matters to the object around it.
enum Found {
    True,
    Index(u64),
    Other,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Found, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found, E> {
        Ok(if value { Found::True } else { Found::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(Found::Index(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Found, A::Error> {
        while seq.next_element_seed(Walk(&mut *self.0))?.is_some() {}
        Ok(Found::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let (mut placeholder, mut index, mut keys) = (false, None, 0);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let value = map.next_value_seed(Walk(&mut *self.0))?;
            keys += 1;
            // As in JavaScript, the last of equal keys counts.
            match &*key {
                "_placeholder" => placeholder = matches!(value, Found::True),
                "num" => {
                    index = match value {
                        Found::Index(index) => usize::try_from(index).ok(),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        if placeholder {
            self.mark(index.filter(|_| keys == 2))
                .map_err(A::Error::custom)?;
        }
        Ok(Found::Other)
    }
}

impl Walk<'_> {
    fn mark(self, index: Option<usize>) -> Result<(), String> {
        let index = index.ok_or(r#"a placeholder is not {"_placeholder":true,"num":n}"#)?;
        match self.0.get_mut(index) {
            None => Err(format!("placeholder {index} has no attachment")),
            Some(true) => Err(format!("placeholder {index} is there twice")),
            Some(seen) => {
                *seen = true;
                Ok(())
            }
        }
    }
}
