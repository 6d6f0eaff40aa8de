//! Items as JSON text: what one must look like, and the members that are keys.
//!
//! The rules are those of DynamoDB where they can be had for all backends, so that a plugin that
//! works with one works with the other.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::StoreError;
use super::table::{Index, Key, Table, check_partition, check_sort};

/// Largest item, in bytes of its JSON text.
pub const ITEM_BYTES_MAX: usize = 400 << 10;
/// No item has it: DynamoDB's items hold their version in it.
pub const VERSION_MEMBER: &str = "_version";
/// Objects and lists inside each other, the item included.
const DEPTH_MAX: usize = 32;
/// Digits that a number may have, and how far from the point they may stand.
const DIGITS_MAX: usize = 38;
const EXPONENT_MAX: i64 = 125;

/// An item's members as they stand in its text.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// # Errors
    /// `TooLarge` or `BadItem`.
    pub(super) fn parse(json: &'a str) -> Result<Self, StoreError> {
        if json.len() > ITEM_BYTES_MAX {
            return Err(StoreError::TooLarge(format!(
                "an item of {} bytes, at most {ITEM_BYTES_MAX} are taken",
                json.len()
            )));
        }
        let parsed: Self =
            serde_json::from_str(json).map_err(|error| StoreError::BadItem(error.to_string()))?;
        if parsed.get(VERSION_MEMBER).is_some() {
            let what = format!("the member `{VERSION_MEMBER}` is the store's own");
            return Err(StoreError::BadItem(what));
        }
        check_shape(json).map_err(StoreError::BadItem)?;
        Ok(parsed)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut members = self.0.iter();
        members.find_map(|(member, value)| (member == name).then_some(*value))
    }

    pub(super) fn into_entries(self) -> Vec<(String, &'a RawValue)> {
        self.0
    }

    pub(super) fn key(&self, table: &Table) -> Result<Key, StoreError> {
        let wanted = |member: &str| {
            let missing = || {
                let name = &table.name;
                StoreError::BadItem(format!("the key `{member}` of table `{name}` is missing"))
            };
            self.key_text(member)?.ok_or_else(missing)
        };
        let key = Key {
            partition: wanted(&table.partition)?,
            sort: table.sort.as_deref().map(wanted).transpose()?,
        };
        table.check_key(&key)?;
        Ok(key)
    }

    /// `None` = the item is not in the index.
    pub(super) fn index_key(&self, index: &Index) -> Result<Option<Key>, StoreError> {
        let partition = self.key_text(&index.partition)?;
        let sort = match &index.sort {
            None => Some(None),
            Some(member) => self.key_text(member)?.map(Some),
        };
        let (Some(partition), Some(sort)) = (partition, sort) else {
            return Ok(None);
        };
        check_partition(&partition)?;
        sort.as_deref().map_or(Ok(()), check_sort)?;
        Ok(Some(Key { partition, sort }))
    }

    /// The second from which on the item is gone; `None` = it stays.
    pub(super) fn end(&self, table: &Table) -> Option<u64> {
        let value = self.get(table.expires.as_deref()?)?;
        seconds(value.get())
    }

    fn key_text(&self, member: &str) -> Result<Option<String>, StoreError> {
        let Some(value) = self.get(member) else {
            return Ok(None);
        };
        match serde_json::from_str::<String>(value.get()) {
            Ok(text) if !text.is_empty() => Ok(Some(text)),
            _ => Err(StoreError::BadItem(format!(
                "the key `{member}` must be a string that is not empty"
            ))),
        }
    }
}

/// A number's whole seconds; `None` = no number.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let whole = text.parse::<u64>().ok();
    // A fraction or an exponent; the cast takes what is too small or too large to the nearest.
    whole.or_else(|| text.parse::<f64>().ok().map(|seconds| seconds as u64))
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

/// A second member of one name would be dropped by one reader and not by the next.
struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(String, &RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((name, value));
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let what = format!("the member {:?} is there twice", twice[0]);
            return Err(A::Error::custom(what));
        }
        Ok(Members(members))
    }
}

/// Depth, names and numbers of a text that is JSON.
fn check_shape(json: &str) -> Result<(), String> {
    let bytes = json.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                let mut after = bytes.iter().skip(end + 1);
                let next = after.find(|byte| !byte.is_ascii_whitespace());
                if end == at + 1 && next == Some(&b':') {
                    return Err("a member has no name".to_owned());
                }
                at = end;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let in_number = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
                let length = bytes[at..].iter().take_while(|b| in_number(b)).count();
                check_number(&json[at..at + length])?;
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The place of the closing quote.
fn end_of_string(bytes: &[u8], opening: usize) -> usize {
    let mut at = opening + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at,
            _ => at += 1,
        }
    }
    at
}

fn check_number(text: &str) -> Result<(), String> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        None => (text, Some(0)),
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()),
    };
    let digits = digits.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Ok(());
    }
    // Where the first digit that counts stands, from the point.
    let leading = all.len() - all.trim_start_matches('0').len();
    let place = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let first =
        exponent.and_then(|exponent| exponent.checked_add(place(whole.len()) - place(leading) - 1));
    match first {
        Some(first) if significant.len() <= DIGITS_MAX && first.abs() <= EXPONENT_MAX => Ok(()),
        _ => Err(format!(
            "the number {} has more than {DIGITS_MAX} digits or is beyond 1e±{EXPONENT_MAX}",
            text.chars().take(60).collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Table {
        Table {
            name: "Users".into(),
            partition: "UserName".into(),
            sort: None,
            indexes: vec![Index {
                name: "by-session".into(),
                partition: "SessionId".into(),
                sort: None,
            }],
            expires: Some("ExpiresAt".into()),
        }
    }

    #[track_caller]
    fn bad(json: &str, named: &str) {
        let what = Members::parse(json).expect_err(json).to_string();
        assert!(what.contains(named), "{json}: {what}");
    }

    #[test]
    fn what_is_no_item_is_refused_by_name() {
        bad("[1]", "a JSON object");
        bad("", "EOF");
        bad(r#"{"a":1} "#.repeat(2).as_str(), "trailing");
        bad(r#"{"a":1,"b":2,"a":3}"#, "\"a\" is there twice");
        bad(r#"{"a":1,"\u0061":3}"#, "\"a\" is there twice");
        bad(r#"{"_version":"1"}"#, "the store's own");
        bad(r#"{"a":[{"":1}]}"#, "a member has no name");
        bad(r#"{"" :1}"#, "a member has no name");
        assert!(Members::parse(r#"{"a":["",":"],"b":"\":"}"#).is_ok());
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Members::parse(&nested(DEPTH_MAX - 1)).is_ok());
        bad(&nested(DEPTH_MAX), "deeper than 32");
        let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert!(Members::parse(&long(ITEM_BYTES_MAX)).is_ok());
        let over = long(ITEM_BYTES_MAX + 1);
        let refused = Members::parse(&over).expect_err("too large");
        assert_eq!(refused.code(), "too-large");
    }

    #[test]
    fn numbers_are_those_that_dynamodb_keeps() {
        for good in [
            "0",
            "-0.0",
            "1764110000123000417",
            "12345678901234567890123456789012345678",
            "1000000000000000000000000000000000000000000000",
            "1.5e125",
            "1e-125",
            "0.00000000000000000000000000000000000000000000012",
            "0e999999999999999999999",
        ] {
            assert!(
                Members::parse(&format!("{{\"n\":{good}}}")).is_ok(),
                "{good}"
            );
        }
        for bad_number in [
            "123456789012345678901234567890123456789",
            "1e126",
            "1e-126",
            "1e99999999999999999999999",
        ] {
            bad(&format!("{{\"n\":[{bad_number}]}}"), "the number");
        }
        assert!(Members::parse(r#"{"s":"1e999 \" 1e999"}"#).is_ok());
    }

    #[test]
    fn keys_are_strings_and_an_index_takes_what_has_them() {
        let table = users();
        let key = |json: &str| Members::parse(json).and_then(|members| members.key(&table));
        let ann = key(r#"{"UserName":"\u0061nn"}"#).expect("a key");
        assert_eq!((ann.partition.as_str(), ann.sort), ("ann", None));
        for wrong in [
            r#"{}"#,
            r#"{"UserName":1}"#,
            r#"{"UserName":""}"#,
            r#"{"UserName":null}"#,
        ] {
            assert_eq!(key(wrong).expect_err(wrong).code(), "bad-item");
        }
        let index = |json: &str| {
            let members = Members::parse(json).expect("members");
            members.index_key(&table.indexes[0])
        };
        assert_eq!(index(r#"{"UserName":"a"}"#), Ok(None));
        let found = index(r#"{"SessionId":"s"}"#).expect("good").expect("in it");
        assert_eq!(found.partition, "s");
        assert!(index(r#"{"SessionId":7}"#).is_err());
    }

    #[test]
    fn an_end_is_a_number_of_seconds() {
        let table = users();
        let end = |json: &str| Members::parse(json).expect("members").end(&table);
        assert_eq!(end(r#"{"ExpiresAt":1764110000}"#), Some(1_764_110_000));
        assert_eq!(end(r#"{"ExpiresAt":1764110000.9}"#), Some(1_764_110_000));
        assert_eq!(end(r#"{"ExpiresAt":1.5e3}"#), Some(1_500));
        assert_eq!(end(r#"{"ExpiresAt":-1}"#), Some(0));
        assert_eq!(end(r#"{"ExpiresAt":"1764110000"}"#), None);
        assert_eq!(end(r#"{"ExpiresAt":null}"#), None);
        assert_eq!(end(r#"{}"#), None);
    }
}
