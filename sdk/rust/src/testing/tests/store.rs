use serde::Serialize;

use super::*;
use crate::store::{CONFLICT, Key, Table, in_order, table};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    owner: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

struct Notes;

impl Exported for Notes {
    const MANIFEST: &'static str = r#"{"tables":[
        {"name":"Notes","partition":"owner","sort":"at","expires":"until",
         "indexes":[{"name":"by_tag","partition":"tag","sort":"at"}]},
        {"name":"Owners","partition":"name"}
    ]}"#;
}

const NOTES: Table<'_> = table("Notes");

fn host() -> Host {
    let host = Host::new();
    host.declare::<Notes>();
    host
}

fn note(owner: &str, at: &str) -> Note {
    Note {
        owner: owner.into(),
        at: at.into(),
        tag: None,
        until: None,
    }
}

fn put(owner: &str, at: &str) {
    NOTES.put(&note(owner, at)).expect("put");
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("it is refused").code
}

#[test]
fn conditions_hold_or_conflict() {
    let _host = host();
    let first = NOTES
        .put_if_absent(&note("ann", "1"))
        .expect("it is absent");
    assert_eq!(code(NOTES.put_if_absent(&note("ann", "1"))), CONFLICT);
    let second = NOTES
        .put_if_unchanged(&note("ann", "1"), &first)
        .expect("unchanged");
    assert_eq!(
        code(NOTES.put_if_unchanged(&note("ann", "1"), &first)),
        CONFLICT
    );
    assert_eq!(
        code(NOTES.put_if_unchanged(&note("ann", "2"), &second)),
        CONFLICT
    );
    assert_eq!(
        code(NOTES.delete_if_unchanged(("ann", "1"), &first)),
        CONFLICT
    );
    let found = NOTES
        .consistent()
        .get::<Note>(("ann", "1"))
        .expect("read")
        .expect("there");
    assert_eq!((found.value, &found.version), (note("ann", "1"), &second));
    NOTES
        .delete_if_unchanged(("ann", "1"), &second)
        .expect("unchanged");
    assert_eq!(NOTES.get::<Note>(("ann", "1")), Ok(None));
    NOTES.delete(("ann", "1")).expect("gone is no error");
    assert_eq!(
        code(NOTES.delete_if_unchanged(("ann", "1"), &second)),
        CONFLICT
    );
}

#[test]
fn several_are_put_until_one_is_not() {
    let host = host();
    put("ann", "2");
    let puts = |ats: &[&str]| {
        let puts = ats.iter().try_fold(in_order(), |puts, at| {
            puts.put_if_absent(NOTES, &note("ann", at))
        });
        puts.expect("items").write()
    };
    let stopped = puts(&["1", "2", "3"]).expect_err("the second is there");
    assert_eq!(
        (stopped.written.len(), stopped.error.code.as_str()),
        (1, CONFLICT)
    );
    assert_eq!(host.items("Notes").len(), 2);
    let refused = puts(&["3", ""]).expect_err("the second is no item");
    assert_eq!(code(Err::<(), _>(refused.error)), "bad-item");
    assert_eq!(host.items("Notes").len(), 2);
    assert_eq!(puts(&["3", "4"]).expect("they are put").len(), 2);
    let many: Vec<String> = (10..27).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = puts(&many).expect_err("17 are too many");
    assert_eq!(code(Err::<(), _>(refused.error)), "too-large");
}

#[test]
fn who_does_not_hear_of_several_puts_cannot_know_which_are_done() {
    let host = host();
    let lost = Error::new("unavailable", "lost").retryable();
    let told = lost.clone();
    host.watch(move |call| {
        (call.name == "store.put-in-order").then(|| Fault::Unheard(told.clone()))
    });
    let puts = in_order().put(NOTES, &note("ann", "1")).expect("an item");
    let stopped = puts.write().expect_err("nobody hears of it");
    assert_eq!((stopped.written, stopped.error), (Vec::new(), lost));
    assert_eq!(host.items("Notes").len(), 1);
}

#[test]
fn many_are_read_at_once_in_their_order() {
    let _host = host();
    let names: Vec<String> = (0..150).map(|number| format!("{number:03}")).collect();
    names.iter().step_by(2).for_each(|at| put("ann", at));
    let keys: Vec<Key<'_>> = names.iter().map(|at| ("ann", at.as_str()).into()).collect();
    let found = NOTES.batch_get::<Note>(&keys).expect("read");
    for (at, item) in names.iter().zip(found) {
        let even = at.parse::<u8>().expect("a number").is_multiple_of(2);
        assert_eq!(item.map(|item| item.value.at), even.then(|| at.clone()));
    }
}

fn ats(page: &crate::store::Page<Note>) -> String {
    let ats: Vec<&str> = page
        .items
        .iter()
        .map(|item| item.value.at.as_str())
        .collect();
    ats.join(" ")
}

#[test]
fn queries_go_by_bytes_within_their_range() {
    let _host = host();
    for at in ["b", "ä", "a", "B", "10", "9"] {
        put("ann", at);
    }
    put("bob", "c");
    let all = NOTES.query("ann").page().expect("a page");
    assert_eq!((ats(&all).as_str(), &all.cursor), ("10 9 B a b ä", &None));
    let some = NOTES.query("ann").first("9").last("a").descending();
    assert_eq!(ats(&some.page().expect("a page")), "a B 9");
    let none = NOTES.query("cid").page::<Note>().expect("a page");
    assert!(none.items.is_empty() && none.cursor.is_none());
}

#[test]
fn pages_follow_each_other() {
    let host = host();
    for at in ["1", "2", "3", "4", "5"] {
        put("ann", at);
    }
    let query = NOTES.query("ann").descending().limit(2);
    let first = query.page::<Note>().expect("a page");
    assert_eq!(ats(&first), "5 4");
    let cursor = first.cursor.expect("there are more");
    let second = query.clone().after(&cursor).page::<Note>().expect("a page");
    assert_eq!(ats(&second), "3 2");
    let other = NOTES.query("ann").limit(2).after(&cursor);
    assert_eq!(code(other.page::<Note>()), "bad-cursor");
    assert_eq!(code(query.after("x").page::<Note>()), "bad-cursor");
    host.shorten_pages(1);
    let short = NOTES.query("ann").limit(3).page::<Note>().expect("a page");
    assert_eq!(ats(&short), "1");
    let full = NOTES
        .query("ann")
        .limit(3)
        .full_page::<Note>()
        .expect("pages");
    assert_eq!(ats(&full), "1 2 3");
    let rest = NOTES
        .query("ann")
        .after(full.cursor.expect("there are more"));
    let rest = rest.full_page::<Note>().expect("pages");
    assert_eq!((ats(&rest).as_str(), rest.cursor), ("4 5", None));
}

#[test]
fn an_index_holds_the_items_that_have_its_keys() {
    let host = host();
    let tagged = |owner, at, tag: &str| Note {
        tag: Some(tag.into()),
        ..note(owner, at)
    };
    for item in [
        tagged("ann", "2", "x"),
        tagged("bob", "1", "x"),
        tagged("cid", "2", "x"),
        note("ann", "3"),
        tagged("ann", "4", "y"),
    ] {
        NOTES.put(&item).expect("put");
    }
    host.shorten_pages(1);
    let query = NOTES.index("by_tag").query("x");
    let found = query.full_page::<Note>().expect("pages");
    let owners: Vec<&str> = found
        .items
        .iter()
        .map(|item| item.value.owner.as_str())
        .collect();
    assert_eq!(owners, ["bob", "ann", "cid"]);
    assert_eq!(ats(&query.first("2").page().expect("a page")), "2");
    assert_eq!(
        code(NOTES.index("other").query("x").page::<Note>()),
        "unknown-index"
    );
}

#[test]
fn an_expired_item_counts_as_gone() {
    let host = host();
    let until = clock::now().as_secs() + 10;
    let mortal = Note {
        until: Some(until),
        ..note("ann", "1")
    };
    let version = NOTES.put(&mortal).expect("put");
    host.pass(Duration::from_secs(9));
    assert!(NOTES.get::<Note>(("ann", "1")).expect("read").is_some());
    host.pass(Duration::from_secs(1));
    assert_eq!(NOTES.get::<Note>(("ann", "1")), Ok(None));
    assert!(
        NOTES
            .query("ann")
            .page::<Note>()
            .expect("a page")
            .items
            .is_empty()
    );
    assert_eq!(code(NOTES.put_if_unchanged(&mortal, &version)), CONFLICT);
    NOTES.put_if_absent(&note("ann", "1")).expect("it is gone");
    assert_eq!(host.items("Notes").len(), 1);
}

#[test]
fn what_no_store_takes_is_refused_by_code() {
    let _host = host();
    assert_eq!(code(table("Other").put(&note("ann", "1"))), "unknown-table");
    assert_eq!(code(NOTES.get::<Note>("ann")), "bad-key");
    assert_eq!(code(NOTES.get::<Note>(("ann", ""))), "bad-key");
    assert_eq!(code(table("Owners").get::<Note>(("ann", "1"))), "bad-key");
    assert_eq!(code(NOTES.put(&note(&"x".repeat(2049), "1"))), "bad-key");
    assert_eq!(
        code(NOTES.put(&json!({"owner": "ann", "at": 1}))),
        "bad-item"
    );
    assert_eq!(code(NOTES.put(&json!([1]))), "bad-item");
    let huge = json!({"owner": "ann", "at": "1", "text": "x".repeat(400 * 1024)});
    assert_eq!(code(NOTES.put(&huge)), "too-large");
    table("Owners").put(&json!({"name": "ann"})).expect("put");
    let error = table("Owners")
        .get::<Note>("ann")
        .expect_err("it is no note");
    assert_eq!(error.code, "bad-item");
    assert!(error.message.contains("Owners"), "{error}");
}

#[test]
fn a_watch_sees_calls_and_fails_them() {
    let host = host();
    let lost = || Error::new("unavailable", "lost").retryable();
    let mut faults = vec![Fault::Unheard(lost()), Fault::Undone(lost())];
    host.watch(move |call| {
        assert_eq!((call.name, call.target.as_str()), ("store.put", "Notes"));
        faults.pop()
    });
    assert_eq!(NOTES.put(&note("ann", "1")), Err(lost()));
    assert!(host.items("Notes").is_empty());
    assert_eq!(NOTES.put(&note("ann", "1")), Err(lost()));
    assert_eq!(host.items("Notes").len(), 1, "it is done, but nobody heard");
    NOTES.put(&note("ann", "2")).expect("no more faults");
}
