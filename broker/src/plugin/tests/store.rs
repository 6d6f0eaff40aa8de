//! The imports `store` and `publisher`: what plugins reach by them, and in which hooks.

use serde_json::{Value, json};

use super::called::{bed, unavailable};
use super::*;

fn put(table: &str, item: &Value) -> Value {
    json!({"put": {"table": table, "item": item, "if_absent": true}})
}

fn get(table: &str, key: &str) -> Value {
    json!({"get": {"table": table, "key": key}})
}

fn refusal(code: &str) -> Value {
    json!({"error": code, "retryable": false})
}

#[test]
fn a_plugin_keeps_items_over_calls_instances_and_generations() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    let ann = json!({"id": "a", "owner": "ann"});
    assert_eq!(bed.does(&io, &json!([put("Things", &ann)])), json!([null]));
    assert_eq!(
        bed.does(&io, &json!([put("Things", &ann)])),
        json!([refusal("conflict")])
    );
    host.request_reload("guest").unwrap();
    until("the next generation", || status(&host).generation == 2);
    let told =
        json!([get("Things", "a"), {"both": ["b", "a"]}, {"owned": "ann"}, {"owned": "bob"}]);
    assert_eq!(bed.does(&io, &told), json!([ann, [null, ann], [ann], []]));
    let lines = ["1", "2", "3"].map(|at| json!({"room": "r", "at": at}));
    let write: Vec<Value> = lines.iter().map(|line| put("Lines", line)).collect();
    bed.does(&io, &json!(write));
    let page = json!([{"page": {"partition": "r", "limit": 2}}]);
    assert_eq!(bed.does(&io, &page), json!([[lines[2], lines[1]]]));
    let gone = json!([{"delete": "a"}, get("Things", "a")]);
    assert_eq!(bed.does(&io, &gone), json!([null, null]));
}

#[test]
fn several_items_are_written_until_one_is_not() {
    let (mut bed, _users) = bed();
    bed.config.memory_bytes = 16 << 20;
    let (_host, io) = bed.io();
    let [a, b, c] = ["a", "b", "c"].map(|id| put("Things", &json!({"id": id}))["put"].clone());
    let line = put("Lines", &json!({"room": "r", "at": "1"}))["put"].clone();
    let elsewhere = put("Users", &json!({"id": "a"}))["put"].clone();
    // Each is an item; together they are too much for one call, and not for what is copied at once.
    let padding = "x".repeat(350 << 10);
    let big = |id: &str| put("Things", &json!({"id": id, "padding": padding}))["put"].clone();
    let told = json!([
        {"in-order": [b, line]},
        {"in-order": [a, b, c]},
        get("Things", "a"),
        get("Things", "c"),
        {"in-order": [c, elsewhere]},
        get("Things", "c"),
        {"in-order": []},
        {"in-order": [big("d"), big("e"), big("f")]},
    ]);
    let unknown = json!({"written": 0, "error": "unknown-table"});
    let stopped = json!({"written": 1, "error": "conflict"});
    let too_large = json!({"written": 0, "error": "too-large"});
    let came_to = json!([2, stopped, {"id": "a"}, null, unknown, null, 0, too_large]);
    assert_eq!(bed.does(&io, &told), came_to);
}

#[test]
fn only_declared_tables_are_reached() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let told = json!([
        get("Users", "a"),
        put("Users", &json!({"id": "a"})),
        put("Things", &json!({"no": "key"})),
    ]);
    let codes = ["unknown-table", "unknown-table", "bad-item"];
    assert_eq!(bed.does(&io, &told), json!(codes.map(refusal)));
}

#[test]
fn tables_of_another_plugin_refuse_a_candidate() {
    let (mut bed, _users) = bed();
    let mut other = bed.spec().clone();
    other.name = "other".into();
    bed.config.plugins.push(other);
    bed.config.handlers.push("other".into());
    let error = bed.error();
    assert!(error.contains("plugin `other`"), "{error}");
    assert!(error.contains("Things"), "{error}");
}

#[test]
fn tables_need_the_grant() {
    let (mut bed, _users) = bed();
    bed.spec().grants.retain(|grant| *grant != Grant::Store);
    let error = bed.error();
    let says = "declares tables (Things, Lines) but it has no grant `store`";
    assert!(error.contains(says), "{error}");
    assert!(
        error.contains("asks for import tidegate:store/store@1.0.0 but has no grant `store`"),
        "{error}"
    );
}

#[test]
fn a_plugin_publishes_where_it_may() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let publish = |topic: &str| json!({"publish": {"topic": topic, "payload": {"n": 1}}});
    let with_event = json!({"publish": {"topic": "chat:new", "event": "e", "payload": "x"}});
    let long = "e".repeat(257);
    let told = json!([
        publish("chat:a:b"),
        with_event,
        publish("chat"),
        publish("user:ann"),
        publish("chat::a"),
        {"publish": {"topic": "chat:a", "event": long, "payload": 1}},
    ]);
    let answer = bed.does(&io, &told);
    let codes = ["not-granted", "not-granted", "bad-topic", "bad-event"].map(refusal);
    assert_eq!(answer[0], json!(null));
    assert_eq!(answer[1], json!(null));
    assert_eq!(answer.as_array().unwrap()[2..], codes);
    let published = bed.world.seen().published.clone();
    assert_eq!(
        published,
        [
            ("chat:a:b".to_owned(), None, r#"{"n":1}"#.to_owned()),
            (
                "chat:new".to_owned(),
                Some("e".to_owned()),
                r#""x""#.to_owned()
            ),
        ]
    );
    bed.world.seen().bus_is_away = true;
    let away = json!([{"error": "unavailable", "retryable": true}]);
    assert_eq!(bed.does(&io, &json!([publish("chat:a")])), away);
}

/// What is copied for a plugin at once is bounded, and it is the plugin that goes beyond it.
#[test]
fn a_publication_that_is_too_long_to_copy_ends_the_call() {
    let (mut bed, _users) = bed();
    bed.config.memory_bytes = 32 << 20;
    bed.config.burst = 100;
    let (host, io) = bed.io();
    let long = "x".repeat(3 << 20);
    let told = json!([{"publish": {"topic": "chat:a", "payload": long}}]);
    assert_eq!(bed.fails(&io, &told), unavailable());
    let status = status(&host);
    assert_eq!(
        status.traps + status.malformed,
        1,
        "{:?}",
        status.last_error
    );
    assert!(bed.world.seen().published.is_empty());
}

#[test]
fn admission_reaches_the_store_too_and_no_sessions() {
    let (mut bed, users) = bed();
    bed.config.admission = Some("guest".into());
    let (_host, io) = bed.io();
    let told = json!([
        put("Things", &json!({"id": "seen"})),
        get("Things", "seen"),
        {"publish": {"topic": "chat:seen", "payload": 1}},
        {"fetch": users.url()},
        {"create": {}},
        {"destroy": "s"},
    ]);
    let refusal = bed.admit(&io, &told.to_string()).expect_err("it tells");
    let did: Value = serde_json::from_str(&refusal.message).unwrap();
    let needs_http = super::store::refusal("needs-http");
    assert_eq!(
        did,
        json!([null, {"id": "seen"}, null, 200, needs_http, needs_http])
    );
    assert_eq!(bed.world.seen().published.len(), 1);
}

#[test]
fn hooks_that_cannot_wait_are_told_so() {
    let (mut bed, users) = bed();
    bed.config.handlers.clear();
    bed.config.mappers = vec![MapperClaim {
        topic: "news".into(),
        plugin: "guest".into(),
    }];
    let (_host, handed) = bed.hand_out();
    let mut source = handed.source;
    let told = json!([
        put("Things", &json!({"id": "a"})),
        get("Things", "a"),
        {"in-order": [put("Things", &json!({"id": "a"}))["put"]]},
        {"both": ["a", "b"]},
        {"delete": "a"},
        {"page": {"partition": "r", "limit": 1}},
        {"owned": "ann"},
        {"publish": {"topic": "chat:a", "payload": 1}},
        {"fetch": users.url()},
        {"create": {}},
        {"destroy": "s"},
    ]);
    let value = told.to_string();
    let record = Record {
        topic: "news",
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        headers: &[],
        value: Some(value.as_bytes()),
    };
    let outcomes = source.map("guest", &[record]).expect("an answer");
    let [Outcome::Skip { reason }] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    let did: Value = serde_json::from_str(reason).unwrap();
    let mut all = [0; 11].map(|_| refusal("unavailable-in-this-hook"));
    all[2] = json!({"written": 0, "error": "unavailable-in-this-hook"});
    assert_eq!(did, json!(all));
}
