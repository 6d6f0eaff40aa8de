//! Tables as plugins declare them, and which keys fit them.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::item::VERSION_MEMBER;

/// Longest keys, in bytes: DynamoDB's limits.
pub const PARTITION_BYTES_MAX: usize = 2_048;
pub const SORT_BYTES_MAX: usize = 1_024;

/// A table; part of a plugin's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// 3 to 255 of `A-Z a-z 0-9 _ . -`, as DynamoDB wants it.
    pub name: String,
    /// The member of items that is their partition key.
    pub partition: String,
    /// The member that is their sort key.
    #[serde(default)]
    pub sort: Option<String>,
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// A member, a number of seconds since 1970, from which on an item counts as gone. An item
    /// without it, or where it is no number, stays.
    #[serde(default)]
    pub expires: Option<String>,
}

/// Another order of a table's items; those without its keys are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    pub name: String,
    pub partition: String,
    #[serde(default)]
    pub sort: Option<String>,
}

/// What names an item in a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub partition: String,
    /// Of a table that has a sort key, and of no other.
    pub sort: Option<String>,
}

impl Table {
    /// # Errors
    /// The first fault, which names the table and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Self { name, .. } = self;
        check_name(name).map_err(|what| format!("table {name:?}: the name {what}"))?;
        let in_table = |what: String| format!("table {name:?}: {what}");
        check_keys(&self.partition, self.sort.as_deref()).map_err(in_table)?;
        for (at, index) in self.indexes.iter().enumerate() {
            let in_index = |what: String| format!("table {name:?}: index {:?}: {what}", index.name);
            check_name(&index.name).map_err(|what| in_index(format!("the name {what}")))?;
            if self.indexes[..at]
                .iter()
                .any(|other| other.name == index.name)
            {
                return Err(in_index("is there twice".into()));
            }
            check_keys(&index.partition, index.sort.as_deref()).map_err(in_index)?;
        }
        if let Some(expires) = &self.expires {
            check_member(expires).map_err(in_table)?;
            if self.is_key(expires) {
                return Err(in_table(format!(
                    "`expires` is {expires:?}, which is a key: keys are strings, this is a number"
                )));
            }
        }
        Ok(())
    }

    /// Whether the member is a key of the table or of one of its indexes.
    pub(super) fn is_key(&self, member: &str) -> bool {
        let indexes = self
            .indexes
            .iter()
            .map(|index| (&index.partition, &index.sort));
        std::iter::once((&self.partition, &self.sort))
            .chain(indexes)
            .any(|(partition, sort)| partition == member || sort.as_deref() == Some(member))
    }

    pub(super) fn check_key(&self, key: &Key) -> Result<(), StoreError> {
        check_partition(&key.partition)?;
        match (&self.sort, &key.sort) {
            (None, None) => Ok(()),
            (Some(_), Some(sort)) if sort.is_empty() => {
                Err(StoreError::BadKey("the sort key is empty".into()))
            }
            (Some(_), Some(sort)) => check_sort(sort),
            (Some(member), None) => Err(StoreError::BadKey(format!(
                "table `{}` has the sort key `{member}`, none is given",
                self.name
            ))),
            (None, Some(_)) => Err(StoreError::BadKey(format!(
                "table `{}` has no sort key",
                self.name
            ))),
        }
    }

    pub(super) fn index(&self, name: &str) -> Result<(usize, &Index), StoreError> {
        let mut indexes = self.indexes.iter().enumerate();
        let found = indexes.find(|(_, index)| index.name == name);
        found.ok_or_else(|| StoreError::UnknownIndex {
            table: self.name.clone(),
            index: name.to_owned(),
        })
    }

    /// "the keys `a` and `b`", for messages.
    pub(super) fn shown_keys(&self) -> String {
        shown_keys(&self.partition, self.sort.as_deref())
    }
}

impl Index {
    pub(super) fn shown_keys(&self) -> String {
        shown_keys(&self.partition, self.sort.as_deref())
    }

    pub(super) fn has_keys_of(&self, other: &Self) -> bool {
        (&self.partition, &self.sort) == (&other.partition, &other.sort)
    }
}

pub(super) fn shown_keys(partition: &str, sort: Option<&str>) -> String {
    match sort {
        None => format!("the partition key `{partition}` and no sort key"),
        Some(sort) => format!("the partition key `{partition}` and the sort key `{sort}`"),
    }
}

pub(super) fn check_partition(partition: &str) -> Result<(), StoreError> {
    if partition.is_empty() {
        return Err(StoreError::BadKey("the partition key is empty".into()));
    }
    within(partition, PARTITION_BYTES_MAX, "partition key")
}

/// A bound of a range may be empty, a key of an item not.
pub(super) fn check_sort(sort: &str) -> Result<(), StoreError> {
    within(sort, SORT_BYTES_MAX, "sort key")
}

fn within(key: &str, max: usize, what: &str) -> Result<(), StoreError> {
    if key.len() <= max {
        return Ok(());
    }
    Err(StoreError::BadKey(format!(
        "a {what} of {} bytes, at most {max} are taken",
        key.len()
    )))
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if (3..=255).contains(&name.len()) && name.bytes().all(plain) {
        Ok(())
    } else {
        Err("must be 3 to 255 of A-Z, a-z, 0-9, _, . and -".into())
    }
}

fn check_keys(partition: &str, sort: Option<&str>) -> Result<(), String> {
    check_member(partition)?;
    let Some(sort) = sort else { return Ok(()) };
    check_member(sort)?;
    if sort == partition {
        return Err(format!("{sort:?} is both partition and sort key"));
    }
    Ok(())
}

fn check_member(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 255 {
        return Err(format!("{name:?} is no name of a member: 1 to 255 bytes"));
    }
    if name == VERSION_MEMBER {
        return Err(format!("{name:?} is the store's own member"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            name: "Messages".into(),
            partition: "Room".into(),
            sort: Some("CreatedAt".into()),
            indexes: vec![Index {
                name: "by-user".into(),
                partition: "User".into(),
                sort: Some("CreatedAt".into()),
            }],
            expires: Some("ExpiresAt".into()),
        }
    }

    #[test]
    fn faults_of_a_declaration_are_named() {
        assert_eq!(table().check(), Ok(()));
        type Change = fn(&mut Table);
        let faults: [(Change, &str); 8] = [
            (|t| t.name = "ab".into(), "\"ab\": the name must be 3"),
            (|t| t.name = "a b c".into(), "\"a b c\": the name must be 3"),
            (|t| t.partition.clear(), "\"\" is no name of a member"),
            (|t| t.sort = Some("Room".into()), "both partition and sort"),
            (
                |t| t.indexes.push(t.indexes[0].clone()),
                "index \"by-user\": is there twice",
            ),
            (
                |t| t.indexes[0].partition = "_version".into(),
                "the store's own member",
            ),
            (|t| t.expires = Some("User".into()), "which is a key"),
            (|t| t.indexes[0].name = "x".into(), "index \"x\": the name"),
        ];
        for (change, named) in faults {
            let mut wrong = table();
            change(&mut wrong);
            let what = wrong.check().expect_err(named);
            assert!(what.starts_with("table "), "{what}");
            assert!(what.contains(named), "{what}");
        }
    }

    #[test]
    fn a_key_fits_its_table_or_is_refused() {
        let key = |partition: &str, sort: Option<&str>| Key {
            partition: partition.into(),
            sort: sort.map(str::to_owned),
        };
        let (with_sort, mut without) = (table(), table());
        without.sort = None;
        let long = "p".repeat(PARTITION_BYTES_MAX + 1);
        assert_eq!(with_sort.check_key(&key("p", Some("s"))), Ok(()));
        assert_eq!(without.check_key(&key("p", None)), Ok(()));
        for (table, wrong) in [
            (&with_sort, key("p", None)),
            (&with_sort, key("p", Some(""))),
            (&with_sort, key("", Some("s"))),
            (&with_sort, key(&long, Some("s"))),
            (&with_sort, key("p", Some(&long))),
            (&without, key("p", Some("s"))),
        ] {
            let refused = table.check_key(&wrong);
            assert!(matches!(refused, Err(StoreError::BadKey(_))), "{refused:?}");
        }
    }
}
