//! The embedded store against a model of maps: any sequence of calls answers alike.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::PAGE_BYTES_MAX;

#[derive(Clone, Debug)]
enum Call {
    /// In order, one or several.
    Put(Vec<(Stored, When)>),
    Delete {
        room: u8,
        at: u8,
        if_unchanged: bool,
    },
    Get {
        room: u8,
        at: u8,
    },
    /// All pages of it.
    Query {
        by_user: bool,
        partition: u8,
        first: Option<u8>,
        last: Option<u8>,
        descending: bool,
        limit: u32,
    },
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    Absent,
    Unchanged,
    /// With a version that was another's.
    Changed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    room: u8,
    at: u8,
    user: Option<u8>,
    /// In the past or far in the future.
    expired: Option<bool>,
    padding: usize,
}

impl Stored {
    fn json(&self) -> String {
        let mut item = serde_json::json!({
            "Room": room(self.room),
            "At": at(self.at),
            "Text": "x".repeat(self.padding),
        });
        if let Some(user) = self.user {
            item["User"] = room(user).into();
        }
        if let Some(expired) = self.expired {
            item["Ends"] = (if expired { 1_u64 } else { 99_999_999_999 }).into();
        }
        item.to_string()
    }
}

/// Names that begin with each other, and with bytes that keys must escape.
fn room(number: u8) -> String {
    ["a", "a\u{0}", "ab", "\u{10ffff}"][usize::from(number) % 4].to_owned()
}

fn at(number: u8) -> String {
    let endings = ["", "\u{0}", "\u{1}", "é"];
    format!("{}{}", number / 4, endings[usize::from(number) % 4])
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let padding = prop_oneof![8 => 0..10_usize, 1 => Just(PAGE_BYTES_MAX / 3)];
    let (rooms, ats) = (0..4_u8, 0..12_u8);
    let stored = (
        rooms.clone(),
        ats.clone(),
        proptest::option::of(rooms.clone()),
        proptest::option::of(any::<bool>()),
        padding,
    )
        .prop_map(|(room, at, user, expired, padding)| Stored {
            room,
            at,
            user,
            expired,
            padding,
        });
    let when = prop_oneof![
        Just(When::Always),
        Just(When::Absent),
        Just(When::Unchanged),
        Just(When::Changed),
    ];
    let put = prop_oneof![
        3 => proptest::collection::vec((stored.clone(), when.clone()), 1),
        1 => proptest::collection::vec((stored, when), 2..5),
    ]
    .prop_map(Call::Put);
    let delete =
        (rooms.clone(), ats.clone(), any::<bool>()).prop_map(|(room, at, if_unchanged)| {
            Call::Delete {
                room,
                at,
                if_unchanged,
            }
        });
    let get = (rooms.clone(), ats.clone()).prop_map(|(room, at)| Call::Get { room, at });
    let bound = || proptest::option::of(0..12_u8);
    let query = (
        any::<bool>(),
        rooms,
        bound(),
        bound(),
        any::<bool>(),
        1..5_u32,
    )
        .prop_map(
            |(by_user, partition, first, last, descending, limit)| Call::Query {
                by_user,
                partition,
                first,
                last,
                descending,
                limit,
            },
        );
    let call = prop_oneof![
        12 => put,
        3 => delete,
        3 => get,
        6 => query,
        1 => Just(Call::Restart),
    ];
    proptest::collection::vec(call, 1..60)
}

fn messages() -> Table {
    Table {
        name: "Messages".into(),
        partition: "Room".into(),
        sort: Some("At".into()),
        indexes: vec![Index {
            name: "by-user".into(),
            partition: "User".into(),
            sort: Some("At".into()),
        }],
        expires: Some("Ends".into()),
    }
}

/// What is there by (room, at), with its version; expired items count as none.
type Model = BTreeMap<(String, String), (Stored, String)>;

struct Run {
    bed: Bed,
    model: Model,
}

impl Run {
    fn perform(&mut self, call: &Call) {
        match call {
            Call::Put(items) => self.put(items),
            Call::Delete {
                room: r,
                at: a,
                if_unchanged,
            } => self.delete(*r, *a, *if_unchanged),
            Call::Get { room: r, at: a } => {
                let (key, place) = place(*r, *a);
                let found = self.bed.store().get("Messages", &key, true);
                let found = self.bed.io.block_on(found).unwrap();
                let expected = self.model.get(&place);
                assert_eq!(
                    found.map(|item| (item.json, item.version)),
                    expected.map(|(item, version)| (item.json(), version.clone()))
                );
            }
            Call::Query { .. } => self.query(call),
            Call::Restart => {
                self.bed.open();
                self.bed.declare(&messages()).unwrap();
            }
        }
    }

    fn put(&mut self, items: &[(Stored, When)]) {
        let puts: Vec<Put> = items.iter().map(|item| self.asked(item)).collect();
        let put = self.bed.store().put_in_order(puts.clone());
        let (written, error) = match self.bed.io.block_on(put) {
            Ok(versions) => (versions, None),
            Err(Stopped { written, error }) => (written, Some(error)),
        };
        for (at, (item, _)) in items.iter().enumerate() {
            let (_, place) = place(item.room, item.at);
            let there = self.model.get(&place).map(|(_, version)| version);
            let holds = match &puts[at].condition {
                Condition::Always => true,
                Condition::IfAbsent => there.is_none(),
                Condition::IfUnchanged(version) => there == Some(version),
            };
            let Some(version) = written.get(at) else {
                assert!(!holds, "{item:?}");
                assert_eq!(error, Some(StoreError::Conflict));
                return;
            };
            assert!(holds, "{item:?}");
            self.model.remove(&place);
            if item.expired != Some(true) {
                self.model.insert(place, (item.clone(), version.clone()));
            }
        }
        assert_eq!(error, None);
    }

    fn asked(&self, (item, when): &(Stored, When)) -> Put {
        let (_, place) = place(item.room, item.at);
        let there = self.model.get(&place).map(|(_, version)| version.clone());
        Put {
            table: "Messages".into(),
            json: item.json(),
            condition: match when {
                When::Always => Condition::Always,
                When::Absent => Condition::IfAbsent,
                When::Unchanged => Condition::IfUnchanged(there.unwrap_or_else(|| "1".into())),
                When::Changed => Condition::IfUnchanged("0".into()),
            },
        }
    }

    fn delete(&mut self, room: u8, at: u8, if_unchanged: bool) {
        let (key, place) = place(room, at);
        let old = self.model.get(&place).map(|(_, version)| version.clone());
        let version = old.clone().unwrap_or_else(|| "1".into());
        let unchanged = if_unchanged.then_some(version.as_str());
        let deleting = self.bed.store().delete("Messages", &key, unchanged);
        let done = self.bed.io.block_on(deleting);
        let expected = if if_unchanged && old.is_none() {
            Err(StoreError::Conflict)
        } else {
            Ok(())
        };
        assert_eq!(done, expected);
        self.model.remove(&place);
    }

    fn query(&self, call: &Call) {
        let Call::Query {
            by_user,
            partition,
            first,
            last,
            descending,
            limit,
        } = call
        else {
            return;
        };
        let partition = room(*partition);
        let (first, last) = (first.map(at), last.map(at));
        let mut expected: Vec<(&String, &String, String)> = self
            .model
            .iter()
            .filter(|((room_of, _), (item, _))| match by_user {
                false => *room_of == partition,
                true => item.user.map(room).as_ref() == Some(&partition),
            })
            .filter(|((_, at), _)| {
                first.as_ref().is_none_or(|first| at >= first)
                    && last.as_ref().is_none_or(|last| at <= last)
            })
            .map(|((room, at), (item, _))| (at, room, item.json()))
            .collect();
        // An index has items of one sort key by their own key, whose partition's length leads.
        expected.sort_by_key(|(at, room, _)| (*at, room.len(), *room));
        if *descending {
            expected.reverse();
        }
        let expected: Vec<String> = expected.into_iter().map(|(.., json)| json).collect();
        let mut range = Range {
            first,
            last,
            descending: *descending,
            limit: *limit,
            cursor: None,
        };
        let mut found = Vec::new();
        loop {
            let store = self.bed.store();
            let page = match by_user {
                false => {
                    let page = store.query("Messages", &partition, &range, true);
                    self.bed.io.block_on(page)
                }
                true => {
                    let page = store.query_index("Messages", "by-user", &partition, &range);
                    self.bed.io.block_on(page)
                }
            };
            let Page { items, cursor } = page.unwrap();
            let bytes: usize = items.iter().map(|item| item.json.len()).sum();
            assert!(items.len() <= *limit as usize && bytes <= PAGE_BYTES_MAX);
            found.extend(items.into_iter().map(|item| item.json));
            if cursor.is_none() {
                break;
            }
            range.cursor = cursor;
        }
        assert_eq!(found, expected);
    }
}

fn place(r: u8, a: u8) -> (Key, (String, String)) {
    let key = Key {
        partition: room(r),
        sort: Some(at(a)),
    };
    (key, (room(r), at(a)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_answers_as_the_model_does(calls in calls()) {
        let mut run = Run {
            bed: Bed::new(),
            model: Model::new(),
        };
        run.bed.declare(&messages()).unwrap();
        for call in &calls {
            run.perform(call);
        }
    }
}
