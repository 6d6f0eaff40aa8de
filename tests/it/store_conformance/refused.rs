//! What is refused, and by which code.

use serde_json::json;
use tidegate::store::Condition::Always;
use tidegate::store::{Range, StoreError};
use tidegate_tests::store::{Bed, all, key, messages, users};

fn code<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> &'static str {
    outcome.expect_err("refused").code()
}

pub async fn items_and_keys_that_are_none(bed: &Bed) {
    bed.declare(&messages()).await;
    let store = &bed.store;
    let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
    for item in [
        "".to_owned(),
        "[]".to_owned(),
        r#"{"PartitionKey":"a"}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":1}"#.to_owned(),
        r#"{"PartitionKey":"","CreatedAt":"1"}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":"1","CreatedAt":"2"}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":"1","_version":"x"}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":"1","UserName":7,"SeenAt":"1"}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":"1","N":1e200}"#.to_owned(),
        r#"{"PartitionKey":"a","CreatedAt":"1","O":{"":1}}"#.to_owned(),
        format!(r#"{{"PartitionKey":"a","CreatedAt":"1","Deep":{deep}}}"#),
    ] {
        assert_eq!(
            code(store.put("Messages", &item, Always).await),
            "bad-item",
            "{item}"
        );
    }
    let long = "x".repeat(2_049);
    let item = json!({"PartitionKey": long, "CreatedAt": "1"}).to_string();
    assert_eq!(code(store.put("Messages", &item, Always).await), "bad-key");
    for wrong in [
        key("a", None),
        key("", Some("1")),
        key("a", Some("")),
        key("a", Some(&long)),
        key(&long, Some("1")),
    ] {
        assert_eq!(code(store.get("Messages", &wrong, true).await), "bad-key");
        assert_eq!(
            code(store.delete("Messages", &wrong, None).await),
            "bad-key"
        );
        let keys = [key("a", Some("1")), wrong];
        assert_eq!(
            code(store.batch_get("Messages", &keys, true).await),
            "bad-key"
        );
    }
    assert_eq!(
        code(store.query("Messages", "", &all(1), true).await),
        "bad-key"
    );
    bed.declare(&users()).await;
    assert_eq!(
        code(store.get("Users", &key("a", Some("1")), true).await),
        "bad-key"
    );
    let range = Range {
        first: Some("1".into()),
        ..all(1)
    };
    assert_eq!(
        code(store.query("Users", "a", &range, true).await),
        "bad-key"
    );
    let by_session = store.query_index("Users", "GSI_SessionLookup", "a", &range);
    assert_eq!(code(by_session.await), "bad-key");
}

pub async fn cursors_of_other_queries(bed: &Bed) {
    bed.declare(&messages()).await;
    let store = &bed.store;
    for number in 0..6 {
        for room in ["a", "b"] {
            let item = json!({
                "PartitionKey": room, "CreatedAt": number.to_string(),
                "UserName": room, "SeenAt": "1",
            });
            bed.put("Messages", &item).await;
        }
    }
    let first = store.query("Messages", "a", &all(2), true).await.unwrap();
    let cursor = first.cursor.expect("there is more");
    let with = |range: Range| Range {
        cursor: Some(cursor.clone()),
        ..range
    };
    let other_limit = store.query("Messages", "a", &with(all(3)), false).await;
    assert_eq!(other_limit.unwrap().items.len(), 3, "a limit may change");
    let descending = Range {
        descending: true,
        ..all(2)
    };
    let bounded = Range {
        last: Some("5".into()),
        ..all(2)
    };
    for (partition, range) in [("b", all(2)), ("a", descending), ("a", bounded)] {
        let page = store.query("Messages", partition, &with(range), true).await;
        assert_eq!(code(page), "bad-cursor", "{partition}");
    }
    let range = with(all(2));
    let by_user = store.query_index("Messages", "by-user", "a", &range).await;
    assert_eq!(code(by_user), "bad-cursor");
    for wrong in ["", "x", "AAAA", &format!("{cursor}A")] {
        let range = Range {
            cursor: Some(wrong.into()),
            ..all(2)
        };
        let page = store.query("Messages", "a", &range, true).await;
        assert_eq!(code(page), "bad-cursor", "{wrong}");
    }
}

pub async fn what_is_not_declared(bed: &Bed) {
    bed.declare(&users()).await;
    let store = &bed.store;
    let item = r#"{"UserName":"ann"}"#;
    assert_eq!(
        code(store.put("Nothing", item, Always).await),
        "unknown-table"
    );
    let ann = key("ann", None);
    assert_eq!(
        code(store.get("Nothing", &ann, true).await),
        "unknown-table"
    );
    assert_eq!(
        code(store.delete("Nothing", &ann, None).await),
        "unknown-table"
    );
    assert_eq!(
        code(store.query("Nothing", "a", &all(1), true).await),
        "unknown-table"
    );
    let by_index = store.query_index("Users", "nothing", "a", &all(1)).await;
    assert_eq!(code(by_index), "unknown-index");
}

pub async fn what_is_too_large(bed: &Bed) {
    bed.declare(&users()).await;
    let store = &bed.store;
    let item = |bytes: usize| {
        let text = "x".repeat(bytes);
        json!({"UserName": "ann", "Text": text}).to_string()
    };
    store.put("Users", &item(400_000), Always).await.unwrap();
    let refused = store.put("Users", &item(410_000), Always).await;
    assert_eq!(code(refused), "too-large");
    let found = store.get("Users", &key("ann", None), true).await.unwrap();
    assert!(
        found.is_some_and(|item| item.json.len() > 400_000),
        "the old one stays"
    );
    let keys: Vec<_> = (0..101)
        .map(|number| key(&number.to_string(), None))
        .collect();
    assert_eq!(
        code(store.batch_get("Users", &keys, true).await),
        "too-large"
    );
}
