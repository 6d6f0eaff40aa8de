//! What only the embedded store has: its file, and tables that change.

#![allow(clippy::unwrap_used)]

mod model;

use metrics_exporter_prometheus::PrometheusBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::store::{Index, Page, Range, Store, StoreConfig};

/// A store in a folder of its own, and a runtime for it.
struct Bed {
    folder: TempDir,
    io: Runtime,
    store: Option<Store>,
}

impl Bed {
    fn new() -> Self {
        let mut bed = Self {
            folder: tempfile::tempdir().unwrap(),
            io: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .build()
                .unwrap(),
            store: None,
        };
        bed.open();
        bed
    }

    fn open(&mut self) {
        self.store = None;
        let config = StoreConfig::embedded(self.folder.path());
        self.store = Some(Store::open(&config, self.io.handle()).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn declare(&self, table: &Table) -> Result<(), StoreError> {
        let declaring = self.store().declare("test", std::slice::from_ref(table));
        self.io.block_on(declaring)
    }

    fn put(&self, json: &str) -> Result<String, StoreError> {
        self.put_if(json, Condition::Always)
    }

    fn put_if(&self, json: &str, condition: Condition) -> Result<String, StoreError> {
        self.io.block_on(self.store().put("Users", json, condition))
    }

    fn get(&self, name: &str) -> Option<Item> {
        let key = key(name);
        self.io
            .block_on(self.store().get("Users", &key, true))
            .unwrap()
    }

    fn by(&self, index: &str, partition: &str) -> Result<Vec<String>, StoreError> {
        let range = all();
        let asked = self.store().query_index("Users", index, partition, &range);
        let Page { items, .. } = self.io.block_on(asked)?;
        Ok(items.into_iter().map(|item| item.json).collect())
    }

    fn stats(&self) -> TableStats {
        self.io.block_on(self.store().stats()).unwrap().remove(0)
    }
}

fn all() -> Range {
    Range {
        first: None,
        last: None,
        descending: false,
        limit: 100,
        cursor: None,
    }
}

fn key(name: &str) -> Key {
    Key {
        partition: name.into(),
        sort: None,
    }
}

fn users() -> Table {
    Table {
        name: "Users".into(),
        partition: "UserName".into(),
        sort: None,
        indexes: Vec::new(),
        expires: None,
    }
}

fn by_session() -> Index {
    Index {
        name: "by-session".into(),
        partition: "SessionId".into(),
        sort: None,
    }
}

const ANN: &str = r#"{"UserName":"ann","SessionId":"s1","ExpiresAt":1}"#;
const BOB: &str = r#"{"UserName":"bob","SessionId":"s1"}"#;
const CARL: &str = r#"{"UserName":"carl","SessionId":7}"#;

#[test]
fn the_file_keeps_items_tables_and_versions_over_restarts() {
    let mut bed = Bed::new();
    bed.declare(&users()).unwrap();
    let mut versions = vec![bed.put(ANN).unwrap(), bed.put(ANN).unwrap()];
    for _ in 0..3 {
        bed.open();
        assert_eq!(bed.get("ann").unwrap().version, *versions.last().unwrap());
        assert_eq!(bed.get("ann").unwrap().json, ANN, "to the byte");
        let unchanged = Condition::IfUnchanged(versions.last().unwrap().clone());
        versions.push(bed.put_if(ANN, unchanged).unwrap());
    }
    let count = versions.len();
    versions.sort();
    versions.dedup();
    assert_eq!(
        versions.len(),
        count,
        "no version comes twice: {versions:?}"
    );
}

#[test]
fn what_is_put_in_order_is_one_commit() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let bed = metrics::with_local_recorder(&recorder, Bed::new);
    bed.declare(&users()).unwrap();
    let puts = [ANN, BOB].map(|json| Put {
        table: "Users".into(),
        json: json.into(),
        condition: Condition::Always,
    });
    let written = bed.io.block_on(bed.store().put_in_order(puts.into()));
    assert_eq!(written.unwrap().len(), 2);
    bed.store().close();
    let told = metrics.render();
    let says = |line: &str| told.lines().any(|told| told == line);
    assert!(says("tidegate_store_commit_records_count 1"), "{told}");
    assert!(says("tidegate_store_commit_records_sum 2"), "{told}");
}

#[test]
fn an_index_of_a_table_that_was_empty_at_a_restart_is_found_after_the_next() {
    let mut bed = Bed::new();
    let mut table = users();
    table.indexes.push(by_session());
    bed.declare(&table).unwrap();
    bed.open();
    bed.declare(&table).unwrap();
    bed.put(BOB).unwrap();
    bed.open();
    bed.declare(&table).unwrap();
    assert_eq!(bed.by("by-session", "s1").unwrap(), [BOB]);
}

#[test]
fn a_closed_store_has_written_what_it_answered_and_takes_nothing_more() {
    let mut bed = Bed::new();
    bed.declare(&users()).unwrap();
    bed.put(ANN).unwrap();
    let other = bed.store().clone();
    bed.store().close();
    assert_eq!(bed.put(BOB).unwrap_err().code(), "unavailable");
    // Though somebody still holds the closed one.
    bed.open();
    assert_eq!(bed.get("ann").unwrap().json, ANN);
    assert_eq!(bed.get("bob"), None);
    drop(other);
}

#[test]
fn a_second_process_is_told_that_the_file_is_in_use() {
    let bed = Bed::new();
    let config = StoreConfig::embedded(bed.folder.path());
    let error = Store::open(&config, bed.io.handle()).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("another process has it open"), "{text}");
    assert!(text.contains("store.redb"), "{text}");
}

#[test]
fn an_index_declared_later_is_built_and_one_left_out_is_dropped_at_the_next_start() {
    let mut bed = Bed::new();
    bed.declare(&users()).unwrap();
    for item in [ANN, BOB, CARL] {
        bed.put(item).unwrap();
    }
    assert_eq!(
        bed.by("by-session", "s1").unwrap_err().code(),
        "unknown-index"
    );
    let mut table = users();
    table.indexes.push(by_session());
    bed.declare(&table).unwrap();
    assert_eq!(bed.by("by-session", "s1").unwrap(), [ANN, BOB]);
    assert_eq!(bed.put(CARL).unwrap_err().code(), "bad-item");

    // As a plugin's new generation that no longer uses it.
    bed.declare(&users()).unwrap();
    assert_eq!(bed.by("by-session", "s1").unwrap(), [ANN, BOB]);
    assert_eq!(bed.stats().indexes, [("by-session".to_owned(), 2)]);
    bed.open();
    bed.declare(&users()).unwrap();
    assert_eq!(bed.stats().indexes, []);
    bed.put(CARL).unwrap();
}

#[test]
fn other_keys_are_refused_while_there_are_items() {
    let mut bed = Bed::new();
    bed.declare(&users()).unwrap();
    let mut other = users();
    other.partition = "SessionId".into();
    bed.declare(&other).unwrap();
    bed.put(ANN).unwrap();
    let refused = bed.declare(&users()).unwrap_err().to_string();
    for part in [
        "`Users`",
        "`UserName`",
        "`SessionId`",
        "tidegate store export",
    ] {
        assert!(refused.contains(part), "{refused}");
    }

    let mut with_index = other.clone();
    with_index.indexes.push(Index {
        partition: "UserName".into(),
        ..by_session()
    });
    bed.declare(&with_index).unwrap();
    assert_eq!(bed.by("by-session", "ann").unwrap(), [ANN]);
    let mut changed = other.clone();
    changed.indexes.push(by_session());
    let refused = bed.declare(&changed).unwrap_err().to_string();
    assert!(refused.contains("restart the broker"), "{refused}");
    assert_eq!(
        bed.by("by-session", "ann").unwrap(),
        [ANN],
        "the old one serves"
    );
    bed.open();
    bed.declare(&changed).unwrap();
    assert_eq!(bed.by("by-session", "s1").unwrap(), [ANN]);
}

#[test]
fn a_table_belongs_to_one_plugin() {
    let bed = Bed::new();
    bed.declare(&users()).unwrap();
    let tables = [users()];
    let declaring = bed.store().declare("other", &tables);
    let refused = bed.io.block_on(declaring).unwrap_err().to_string();
    assert!(
        refused.contains("`test`") && refused.contains("`other`"),
        "{refused}"
    );
    bed.declare(&users()).unwrap();
}

#[test]
fn expired_items_are_taken_out_with_their_entries() {
    let bed = Bed::new();
    let mut table = users();
    table.indexes.push(by_session());
    bed.declare(&table).unwrap();
    bed.put(ANN).unwrap();
    bed.put(BOB).unwrap();
    assert!(bed.get("ann").is_some(), "nothing expires yet");
    table.expires = Some("ExpiresAt".into());
    bed.declare(&table).unwrap();
    assert_eq!(bed.get("ann"), None);
    assert_eq!(bed.by("by-session", "s1").unwrap(), [BOB]);
    assert_eq!(bed.stats().items, 2, "it is still in the file");
    bed.put(BOB).unwrap();
    let stats = bed.stats();
    assert_eq!((stats.items, stats.indexes[0].1), (1, 1), "a write sweeps");
}

#[test]
fn more_than_may_wait_is_throttled_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::new();
    let config = StoreConfig {
        queue: 4,
        ..StoreConfig::embedded(folder.path())
    };
    let store = Store::open(&config, bed.io.handle()).unwrap();
    bed.io.block_on(store.declare("test", &[users()])).unwrap();
    let puts = (0..1_000).map(|number| {
        let store = &store;
        async move {
            let item = format!("{{\"UserName\":\"{number}\"}}");
            let put = store.put("Users", &item, Condition::IfAbsent).await;
            (number, put)
        }
    });
    let answers = bed.io.block_on(futures_util::future::join_all(puts));
    let (mut taken, mut throttled) = (0, 0);
    for (number, answer) in answers {
        let key = key(&number.to_string());
        let found = bed.io.block_on(store.get("Users", &key, true)).unwrap();
        assert_eq!(found.is_some(), answer.is_ok(), "{number}: {answer:?}");
        match answer {
            Ok(_) => taken += 1,
            Err(StoreError::Throttled) => throttled += 1,
            Err(error) => panic!("{number}: {error}"),
        }
    }
    assert!(
        taken >= 4 && throttled > 0,
        "{taken} taken, {throttled} not"
    );
}
