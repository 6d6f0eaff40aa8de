//! Items between JSON text and DynamoDB's attributes.
//!
//! | JSON | DynamoDB |
//! |---|---|
//! | string | `S`; a key whose attribute is `N`: its digits |
//! | number | `N`, digit by digit |
//! | true, false, null | `BOOL`, `NULL` |
//! | list, object | `L`, `M` |
//!
//! Items of other programs are readable too: a set as a list, binary as base64 text.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::store::item::{Members, VERSION_MEMBER};
use crate::store::{Item, StoreError};

pub(super) type Attributes = HashMap<String, AttributeValue>;

/// How a key is kept in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    Text,
    Number,
}

/// # Errors
/// `BadItem`: a text that JSON allows and nothing else does, such as half of a surrogate pair.
pub(super) fn from_members(members: Members<'_>) -> Result<Attributes, StoreError> {
    let entries = members.into_entries().into_iter();
    let attributes = entries.map(|(name, value)| Ok((name, from_json(value)?)));
    attributes
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| StoreError::BadItem(error.to_string()))
}

/// Nested no deeper than an item may be, for the text was checked.
fn from_json(value: &RawValue) -> Result<AttributeValue, serde_json::Error> {
    let text = value.get();
    Ok(match text.as_bytes().first() {
        Some(b'"') => AttributeValue::S(serde_json::from_str(text)?),
        Some(b'{') => {
            let members: HashMap<String, &RawValue> = serde_json::from_str(text)?;
            let members = members.into_iter();
            let map = members.map(|(name, value)| Ok((name, from_json(value)?)));
            AttributeValue::M(map.collect::<Result<_, serde_json::Error>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let list = items.into_iter().map(from_json);
            AttributeValue::L(list.collect::<Result<_, _>>()?)
        }
        Some(b't') => AttributeValue::Bool(true),
        Some(b'f') => AttributeValue::Bool(false),
        Some(b'n') => AttributeValue::Null(true),
        _ => AttributeValue::N(text.to_owned()),
    })
}

/// `is_key` says which members are keys of the table that the plugin declared.
pub(super) fn to_item(mut attributes: Attributes, is_key: impl Fn(&str) -> bool) -> Item {
    let version = match attributes.remove(VERSION_MEMBER) {
        Some(AttributeValue::S(version)) => version,
        _ => String::new(),
    };
    let mut names: Vec<&String> = attributes.keys().collect();
    names.sort_unstable();
    let mut json = String::from("{");
    for name in names {
        push_name(name, &mut json);
        match &attributes[name] {
            AttributeValue::N(number) if is_key(name) => push_text(number, &mut json),
            other => push(other, &mut json),
        }
    }
    json.push('}');
    Item { json, version }
}

fn push_name(name: &str, json: &mut String) {
    if !json.ends_with('{') {
        json.push(',');
    }
    push_text(name, json);
    json.push(':');
}

fn push_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

fn push(value: &AttributeValue, json: &mut String) {
    match value {
        AttributeValue::S(text) => push_text(text, json),
        AttributeValue::N(number) => push_number(number, json),
        AttributeValue::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        AttributeValue::L(items) => push_list(items, json, push),
        AttributeValue::M(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            json.push('{');
            for name in names {
                push_name(name, json);
                push(&members[name], json);
            }
            json.push('}');
        }
        AttributeValue::Ss(texts) => push_list(texts, json, |text, json| push_text(text, json)),
        AttributeValue::Ns(numbers) => {
            push_list(numbers, json, |number, json| push_number(number, json));
        }
        AttributeValue::B(bytes) => push_text(&STANDARD.encode(bytes), json),
        AttributeValue::Bs(blobs) => push_list(blobs, json, |bytes, json| {
            push_text(&STANDARD.encode(bytes), json);
        }),
        // `NULL`, and types that DynamoDB may have one day.
        _ => json.push_str("null"),
    }
}

fn push_list<T>(items: &[T], json: &mut String, push: impl Fn(&T, &mut String)) {
    json.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        push(item, json);
    }
    json.push(']');
}

/// DynamoDB's numbers are JSON's; what a server writes otherwise stays a text.
fn push_number(number: &str, json: &mut String) {
    if serde_json::from_str::<serde_json::Number>(number).is_ok() {
        json.push_str(number);
    } else {
        push_text(number, json);
    }
}

/// # Errors
/// `BadKey`: the key is a number in the table, and the text is not how it would be read back.
pub(super) fn from_key(
    text: &str,
    of: KeyType,
    member: &str,
) -> Result<AttributeValue, StoreError> {
    match of {
        KeyType::Text => Ok(AttributeValue::S(text.to_owned())),
        KeyType::Number => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_whole = (1..=38).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_digit())
                && (!digits.starts_with('0') || text == "0");
            if is_whole {
                return Ok(AttributeValue::N(text.to_owned()));
            }
            Err(StoreError::BadKey(format!(
                "`{member}` is a number in this table: the key must be a whole one of at most 38 \
                 digits, without zeros in front"
            )))
        }
    }
}

/// A key that was read; `None` = no text and no number.
pub(super) fn to_key(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    fn there_and_back(json: &str) -> String {
        let members = Members::parse(json).expect("an item");
        to_item(from_members(members).expect("attributes"), |_| false).json
    }

    #[test]
    fn json_comes_back_with_its_members_in_order_and_its_numbers_to_the_digit() {
        for json in [
            r#"{}"#,
            r#"{"a":"","b":true,"c":false,"d":null,"e":[],"f":{}}"#,
            r#"{"n":[0.1,12345678901234567890.123456789,-1,1e20]}"#,
            r#"{"o":{"a":[{"b":[[1],"x"]}],"é\"\n":"\u0000\u0001<script>"}}"#,
        ] {
            assert_eq!(there_and_back(json), json);
        }
        let shuffled = "{ \"b\" : 1.0 ,\"a\":{\"d\":1,\"c\":2}}";
        assert_eq!(there_and_back(shuffled), r#"{"a":{"c":2,"d":1},"b":1.0}"#);
        let half = Members::parse(r#"{"a":"\ud800"}"#).expect("a text");
        let refused = from_members(half).expect_err("no Unicode");
        assert_eq!(refused.code(), "bad-item");
    }

    #[test]
    fn what_other_programs_store_is_readable() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let attributes = Attributes::from([
            ("b".to_owned(), AttributeValue::B(Blob::new("hi"))),
            ("bs".to_owned(), AttributeValue::Bs(vec![Blob::new("hi")])),
            ("key".to_owned(), AttributeValue::N("17".into())),
            ("odd".to_owned(), AttributeValue::N("+.5".into())),
            ("ns".to_owned(), AttributeValue::Ns(texts(&["1", "2.5"]))),
            ("ss".to_owned(), AttributeValue::Ss(texts(&["x", "y"]))),
            ("_version".to_owned(), AttributeValue::S("v1".into())),
        ]);
        let item = to_item(attributes, |name| name == "key");
        assert_eq!(item.version, "v1");
        assert_eq!(
            item.json,
            r#"{"b":"aGk=","bs":["aGk="],"key":"17","ns":[1,2.5],"odd":"+.5","ss":["x","y"]}"#
        );
    }

    #[test]
    fn a_key_that_is_a_number_must_come_back_as_it_was() {
        for good in ["0", "7", "-7", "1764110000123000417"] {
            let value = from_key(good, KeyType::Number, "CreatedAt").expect(good);
            assert_eq!(value, AttributeValue::N(good.to_owned()));
            assert_eq!(to_key(&value).as_deref(), Some(good));
        }
        let long = "1".repeat(39);
        for wrong in ["", "-", "-0", "007", "+7", "7.0", "1e3", "x", " 7", &long] {
            let refused = from_key(wrong, KeyType::Number, "CreatedAt").expect_err(wrong);
            assert_eq!(refused.code(), "bad-key");
        }
        let text = from_key("007", KeyType::Text, "CreatedAt").expect("a text");
        assert_eq!(text, AttributeValue::S("007".into()));
    }
}
