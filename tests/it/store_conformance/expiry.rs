//! Items with an end.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tidegate::store::Condition::{Always, IfAbsent, IfUnchanged};
use tidegate::store::StoreError;
use tidegate_tests::store::{Bed, all, key, members, messages};

fn seconds_from_now(seconds: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap() + seconds
}

pub async fn an_expired_item_is_not_there(bed: &Bed) {
    bed.declare(&messages()).await;
    let store = &bed.store;
    let item = |number: &str, end: Value| {
        json!({
            "PartitionKey": "r", "CreatedAt": number, "UserName": "ann", "SeenAt": number,
            "ExpiresAt": end,
        })
        .to_string()
    };
    for (number, end) in [
        ("1", json!(seconds_from_now(3_600))),
        ("2", json!(seconds_from_now(-3_600))),
        ("3", json!("2001-01-01")),
        ("4", json!(null)),
        ("5", json!(seconds_from_now(-3_600) as f64 + 0.5)),
    ] {
        store
            .put("Messages", &item(number, end), Always)
            .await
            .unwrap();
    }
    let gone = key("r", Some("2"));
    assert_eq!(store.get("Messages", &gone, true).await, Ok(None));
    let keys = [gone.clone(), key("r", Some("1"))];
    let found = store.batch_get("Messages", &keys, true).await.unwrap();
    assert_eq!(
        found.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true]
    );
    for limit in [1, 100] {
        let pages = bed.pages(None, "r", all(limit)).await;
        assert_eq!(members(&pages, "CreatedAt"), ["1", "3", "4"], "{limit}");
        let pages = bed.pages(Some("by-user"), "ann", all(limit)).await;
        assert_eq!(members(&pages, "CreatedAt"), ["1", "3", "4"], "{limit}");
    }

    // Its version no longer counts, and its place is free.
    let past = item("6", json!(seconds_from_now(-1)));
    let version = store.put("Messages", &past, Always).await.unwrap();
    let sixth = key("r", Some("6"));
    let deleted = store.delete("Messages", &sixth, Some(&version)).await;
    assert_eq!(deleted, Err(StoreError::Conflict));
    let version = store.put("Messages", &past, Always).await.unwrap();
    let put = store.put("Messages", &past, IfUnchanged(version));
    assert_eq!(put.await, Err(StoreError::Conflict));
    let living = item("6", json!(seconds_from_now(3_600)));
    let version = store.put("Messages", &living, IfAbsent).await.unwrap();
    let again = store.put("Messages", &living, IfAbsent).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let version = store
        .put("Messages", &living, IfUnchanged(version))
        .await
        .unwrap();
    let endless = item("6", json!("never"));
    let version = store
        .put("Messages", &endless, IfUnchanged(version))
        .await
        .unwrap();
    assert!(
        store
            .put("Messages", &endless, IfUnchanged(version))
            .await
            .is_ok()
    );
}
