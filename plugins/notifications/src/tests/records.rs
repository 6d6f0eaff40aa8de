use super::*;

#[test]
fn the_key_names_the_user_and_the_whole_value_is_the_payload_byte_for_byte() {
    let value =
        r#"{ "title":"é \u00e9 <b>",  "n": 1.50, "n": 1e400, "big": 12345678901234567890123 }"#;
    let outcome = by_default(&keyed("ann", value)).expect("it is mapped");
    let [publication] = outcome.publications() else {
        panic!("{outcome:?}");
    };
    assert_eq!(publication.topic, "user:ann:notification");
    assert_eq!(publication.event.as_deref(), Some("notification"));
    assert_eq!(publication.payload, value);
}

#[test]
fn without_a_key_the_value_names_the_users() {
    let cases = [
        (r#"{"userId":"ann"}"#, &["ann"][..]),
        (r#"{"user_id":7}"#, &["7"]),
        (r#"{"user":{"id":"ann"},"userId":null}"#, &["ann"]),
        (
            r#"{"recipients":["ann",7,"bob","ann","7"]}"#,
            &["ann", "7", "bob"],
        ),
        (r#"{"userIds":[1,-2]}"#, &["1", "-2"]),
        (
            r#"{"user_ids":["a b","é","a:b","%"]}"#,
            &["a%20b", "%C3%A9", "a%3Ab", "%25"],
        ),
        (
            r#"{"userId":123456789012345678901234567890}"#,
            &["123456789012345678901234567890"],
        ),
        (r#"{"userId":"first","userId":"last"}"#, &["last"]),
        (r#"{"\ud800":1,"user\u0049d":"escaped"}"#, &["escaped"]),
    ];
    for (value, users) in cases {
        let wanted: Vec<_> = users
            .iter()
            .map(|user| format!("user:{user}:notification"))
            .collect();
        assert_eq!(topics(by_default(&valued(value))), wanted, "{value}");
    }
}

#[test]
fn an_empty_key_is_none() {
    let record = keyed("", r#"{"userId":"ann"}"#);
    assert_eq!(topics(by_default(&record)), ["user:ann:notification"]);
}

#[test]
fn tombstones_and_records_for_nobody_are_skipped() {
    let cases = [
        (
            Record {
                key: Some(b"ann"),
                ..Record::default()
            },
            "a tombstone",
        ),
        (keyed("ann", " null "), "a tombstone: the value is null"),
        (valued(r#"{"recipients":[]}"#), "its list of users is empty"),
    ];
    for (record, reason) in cases {
        let outcome = by_default(&record).expect("it is skipped");
        assert_eq!(outcome.skipped(), Some(reason), "{record:?}");
    }
}

#[test]
fn what_is_no_json_fails_with_its_place() {
    for value in [
        "",
        " ",
        "{",
        "hello",
        "{} {}",
        "\u{feff}{}",
        "{'a':1}",
        "[1,]",
    ] {
        let (code, message) = failure(by_default(&keyed("ann", value)));
        assert_eq!(code, "not-json", "{value}");
        assert!(
            message.contains("line 1 column") || message.contains("EOF"),
            "{message}"
        );
    }
    let record = Record {
        key: Some(b"ann"),
        value: Some(b"\"\xff\""),
        ..Record::default()
    };
    assert_eq!(failure(by_default(&record)).0, "not-json");
}

#[test]
fn wrong_types_fail_and_say_where() {
    let cases = [
        (r#"{"userId":true}"#, "/userId in the value is a boolean"),
        (r#"{"userId":{}}"#, "/userId in the value is an object"),
        (r#"{"userId":""}"#, "/userId in the value is an empty text"),
        (r#"{"userId":1.5}"#, "/userId in the value is a number"),
        (r#"{"userId":1e3}"#, "/userId in the value is a number"),
        (
            r#"{"userId":"\ud800"}"#,
            "/userId in the value is a text that is not Unicode",
        ),
        (
            r#"{"recipients":["ann",null]}"#,
            "an entry of /recipients in the value is null",
        ),
        (
            r#"{"recipients":[["ann"]]}"#,
            "an entry of /recipients in the value is a list",
        ),
    ];
    for (value, says) in cases {
        let (code, message) = failure(by_default(&valued(value)));
        assert_eq!(code, "bad-user-id", "{value}");
        assert!(message.starts_with(says), "{value} says: {message}");
    }
    let record = Record {
        key: Some(b"\xff"),
        ..valued("{}")
    };
    let (code, message) = failure(by_default(&record));
    assert_eq!(code, "bad-user-id");
    assert!(
        message.starts_with("the record's key is not UTF-8"),
        "{message}"
    );
}

#[test]
fn a_record_for_no_user_says_where_it_was_looked() {
    for value in ["{}", "[]", "7", "\"ann\"", r#"{"user":"ann"}"#] {
        let (code, message) = failure(by_default(&valued(value)));
        assert_eq!(code, "no-user", "{value}");
        assert!(
            message.contains("the record's key, nor at /userId in the value"),
            "{message}"
        );
    }
}

#[test]
fn an_id_too_long_for_a_topic_fails() {
    let (code, message) = failure(by_default(&keyed(&"é".repeat(80), "{}")));
    assert_eq!(code, "bad-user-id");
    assert!(message.contains("longer than 255 bytes"), "{message}");
}

#[test]
fn users_may_stand_elsewhere() {
    let cases = [
        (
            json!(["/to/*/id"]),
            r#"{"to":[{"id":"a"},{"id":2}]}"#,
            &["a", "2"][..],
        ),
        (json!(["/to/*/id", "/cc"]), r#"{"to":"x","cc":"c"}"#, &["c"]),
        (json!(["/0/a~1b~0c"]), r#"[{"a/b~c":"x"}]"#, &["x"]),
        (json!(["/list/1"]), r#"{"list":["a","b"]}"#, &["b"]),
        (
            json!(["/list/01", "/list/+1", "/list/-", "/list/9", "/list/0"]),
            r#"{"list":["a"]}"#,
            &["a"],
        ),
        (json!(["/*"]), r#"["a","b"]"#, &["a", "b"]),
    ];
    for (users, value, wanted) in cases {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|user| format!("user:{user}:notification"))
            .collect();
        let outcome = mapped(json!({"users": users}), &keyed("nobody", value));
        assert_eq!(topics(outcome), wanted, "{value}");
    }
    let nobody = mapped(json!({"users": ["/to/*/id"]}), &valued(r#"{"to":[]}"#));
    assert!(nobody.expect("it is skipped").skipped().is_some());
    let (_, message) = failure(mapped(
        json!({"users": ["/to/*/id"]}),
        &valued(r#"{"to":[{"id":"a"},{}]}"#),
    ));
    assert!(
        message.starts_with("an entry of /to/*/id in the value is nothing"),
        "{message}"
    );
}

#[test]
fn headers_may_name_user_and_event() {
    let records = json!({"users": ["header:user-id", "key"], "event": ["header:event", "/type"]});
    let headers = [
        header("user-id", b"ann"),
        header("User-Id", b"other"),
        header("USER-ID", b"bob"),
        header("event", b""),
    ];
    let value = r#"{"type":"friend-request"}"#;
    let record = Record {
        headers: &headers,
        ..keyed("carl", value)
    };
    let outcome = mapped(records.clone(), &record).expect("it is mapped");
    let [publication] = outcome.publications() else {
        panic!("{outcome:?}");
    };
    assert_eq!(publication.topic, "user:bob:notification");
    assert_eq!(publication.event.as_deref(), Some("friend-request"));
    let outcome = mapped(records, &keyed("carl", "{}")).expect("it is mapped");
    assert_eq!(outcome.publications()[0].topic, "user:carl:notification");
    assert_eq!(
        outcome.publications()[0].event.as_deref(),
        Some("notification")
    );
}

#[test]
fn an_event_that_no_client_can_hear_fails() {
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(256));
    for value in [
        r#"{"type":"connect"}"#,
        r#"{"type":"disconnect"}"#,
        r#"{"type":""}"#,
        r#"{"type":7}"#,
        r#"{"type":"\udfff"}"#,
        &long,
    ] {
        let (code, message) = failure(mapped(json!({"event": ["/type"]}), &keyed("ann", value)));
        assert_eq!(code, "bad-event", "{value}");
        assert!(message.starts_with("/type in the value"), "{message}");
    }
}

#[test]
fn the_payload_may_be_a_part_byte_for_byte() {
    let records = json!({"payload": ["/data", "/message"]});
    let cases = [
        (r#"{"data": { "a" : 1.0 } }"#, r#"{ "a" : 1.0 }"#),
        (r#"{"message":"\u00e9"}"#, r#""\u00e9""#),
        (r#"{"data":null,"message":1}"#, "null"),
    ];
    for (value, payload) in cases {
        let outcome = mapped(records.clone(), &keyed("ann", value)).expect("it is mapped");
        assert_eq!(outcome.publications()[0].payload, payload, "{value}");
    }
    let (code, message) = failure(mapped(records, &keyed("ann", "{}")));
    assert_eq!(code, "no-payload");
    assert!(message.ends_with("/data, /message"), "{message}");
}

#[test]
fn the_topic_is_the_templates() {
    let records = json!({"topic": "inbox:u-{id}"});
    assert_eq!(
        topics(mapped(records, &keyed("a:b", "{}"))),
        ["inbox:u-a%3Ab"]
    );
}

#[test]
fn too_many_recipients_and_too_much_for_them_fail() {
    let list = |most: usize| {
        let users: Vec<String> = (0..most).map(|n| n.to_string()).collect();
        format!(r#"{{"recipients":[{}]}}"#, users.join(","))
    };
    assert_eq!(topics(by_default(&valued(&list(1000)))).len(), 1000);
    let (code, message) = failure(by_default(&valued(&list(1001))));
    assert_eq!(code, "too-many-recipients");
    assert!(
        message.contains("1001 users, more than records.recipients_max = 1000"),
        "{message}"
    );
    let large = list(1000).replace("}", &format!(r#","text":"{}"}}"#, "x".repeat(5000)));
    let (code, message) = failure(by_default(&valued(&large)));
    assert_eq!(code, "too-large");
    assert!(message.contains("for 1000 users"), "{message}");
}

#[test]
fn deep_nesting_is_only_text() {
    let deep = format!(
        r#"{{"x":{}{},"userId":"ann"}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(
        topics(by_default(&valued(&deep))),
        ["user:ann:notification"]
    );
}
