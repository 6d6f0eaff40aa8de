//! How items and index entries are keyed in the file, so that their bytes are in the order of
//! their sort keys.
//!
//! An item: the table's id, the partition's length, the partition, the sort key. An entry of an
//! index: its id, the length and bytes of the item's partition there, its sort key there with an
//! end that no sort key contains, the item's own key.

use crate::store::table::Key;

/// Between a sort key in an entry and what follows; a zero inside it is escaped.
const END: [u8; 2] = [0, 0];
const ESCAPED_ZERO: [u8; 2] = [0, 0xff];
/// Above an entry with a sort key, below those with greater ones.
const AFTER_END: [u8; 2] = [0, 1];

/// From the first key, which is in it, to the second, which is not.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

pub(super) fn item(table: u32, key: &Key) -> Vec<u8> {
    let mut bytes = partition(table, &key.partition);
    bytes.extend_from_slice(key.sort.as_deref().unwrap_or_default().as_bytes());
    bytes
}

pub(super) fn entry(index: u32, key: &Key, item: &[u8]) -> Vec<u8> {
    let mut bytes = partition(index, &key.partition);
    escape(key.sort.as_deref().unwrap_or_default(), &mut bytes);
    bytes.extend_from_slice(&END);
    bytes.extend_from_slice(item);
    bytes
}

/// The item's key in an index entry; empty if the entry is damaged.
pub(super) fn item_of(entry: &[u8]) -> &[u8] {
    let length = entry.get(4..6).map_or(0, |length| {
        usize::from(u16::from_be_bytes([length[0], length[1]]))
    });
    let mut at = 6 + length;
    loop {
        match entry.get(at..at + 2) {
            None => return &[],
            Some(bytes) if bytes == END => return &entry[at + 2..],
            Some(bytes) if bytes == ESCAPED_ZERO => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// All of a table's items, or of an index's entries.
pub(super) fn all(id: u32) -> Span {
    Span {
        from: id.to_be_bytes().to_vec(),
        to: after(id.to_be_bytes().to_vec()),
    }
}

/// The items of a partition whose sort keys are `first` to `last`.
pub(super) fn items(table: u32, name: &str, first: Option<&str>, last: Option<&str>) -> Span {
    let prefix = partition(table, name);
    let to = match last {
        None => after(prefix.clone()),
        // The least key above `last`: it with a zero behind it.
        Some(last) => [&prefix, last.as_bytes(), &[0]].concat(),
    };
    let from = [&prefix, first.unwrap_or_default().as_bytes()].concat();
    Span { from, to }
}

/// The same of an index.
pub(super) fn entries(index: u32, name: &str, first: Option<&str>, last: Option<&str>) -> Span {
    let mut from = partition(index, name);
    let mut to = from.clone();
    match last {
        None => to = after(to),
        Some(last) => {
            escape(last, &mut to);
            to.extend_from_slice(&AFTER_END);
        }
    }
    escape(first.unwrap_or_default(), &mut from);
    Span { from, to }
}

fn partition(id: u32, name: &str) -> Vec<u8> {
    // Keys are checked before: none is this long.
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    [
        &id.to_be_bytes(),
        &length.to_be_bytes()[..],
        name.as_bytes(),
    ]
    .concat()
}

fn escape(sort: &str, into: &mut Vec<u8>) {
    for byte in sort.bytes() {
        match byte {
            0 => into.extend_from_slice(&ESCAPED_ZERO),
            other => into.push(other),
        }
    }
}

/// The least key above all that begin with `prefix`.
fn after(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.last_mut() {
        if *last < 0xff {
            *last += 1;
            break;
        }
        prefix.pop();
    }
    prefix
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(partition: &str, sort: &str) -> Key {
        Key {
            partition: partition.into(),
            sort: Some(sort.into()),
        }
    }

    fn within(span: &Span, key: &[u8]) -> bool {
        key >= span.from.as_slice() && key < span.to.as_slice()
    }

    const SORT: &str = "[\u{0}\u{1}aé\u{10ffff}]{0,4}";

    proptest! {
        #[test]
        fn bytes_are_ordered_as_sort_keys_and_spans_hold_what_they_say(
            one in SORT, two in SORT, first in SORT, last in SORT,
        ) {
            let (a, b) = (key("p", &one), key("p", &two));
            let (item_a, item_b) = (item(7, &a), item(7, &b));
            prop_assert_eq!(item_a.cmp(&item_b), one.as_bytes().cmp(two.as_bytes()));
            let entry_a = entry(9, &a, &item_a);
            if one != two {
                let entry_b = entry(9, &b, &item_b);
                prop_assert_eq!(entry_a.cmp(&entry_b), one.as_bytes().cmp(two.as_bytes()));
            }
            prop_assert_eq!(item_of(&entry_a), item_a.as_slice());

            let (low, high) = (one >= first, one <= last);
            let (first, last) = (Some(first.as_str()), Some(last.as_str()));
            for (first, last, inside) in [
                (None, None, true),
                (first, None, low),
                (None, last, high),
                (first, last, low && high),
            ] {
                prop_assert_eq!(within(&items(7, "p", first, last), &item_a), inside);
                prop_assert_eq!(within(&entries(9, "p", first, last), &entry_a), inside);
            }
        }
    }

    #[test]
    fn neighbours_stay_apart() {
        let span = items(7, "p", None, None);
        for other in [
            item(7, &key("pp", "")),
            item(7, &key("o", "z")),
            item(8, &key("p", "")),
            item(6, &key("p", "")),
        ] {
            assert!(!within(&span, &other), "{other:?}");
        }
        assert!(within(&all(7), &item(7, &key("\u{10ffff}", "\u{10ffff}"))));
        assert!(!within(&all(7), &item(8, &key("a", ""))));
        assert!(within(&all(255), &item(255, &key("a", ""))));
        assert_eq!(item_of(b"\0\0\0\x01\0\x05ab"), b"");
    }
}
