//! Several puts in one call.

use serde_json::{Value, json};
use tidegate::store::Condition::{Always, IfAbsent, IfUnchanged};
use tidegate::store::{Condition, PUTS_MAX, Put, Stopped, StoreError};
use tidegate_tests::store::{Bed, all, key, messages, users};

fn user(name: &str, text: &str, condition: Condition) -> Put {
    Put {
        table: "Users".into(),
        json: json!({"UserName": name, "Text": text}).to_string(),
        condition,
    }
}

fn message(at: &str, condition: Condition) -> Put {
    Put {
        table: "Messages".into(),
        json: json!({"PartitionKey": "room", "CreatedAt": at}).to_string(),
        condition,
    }
}

async fn text(bed: &Bed, name: &str) -> Option<Value> {
    let found = bed.store.get("Users", &key(name, None), true).await;
    let json = found.unwrap()?.json;
    Some(serde_json::from_str::<Value>(&json).unwrap()["Text"].clone())
}

pub async fn puts_are_done_until_one_is_not(bed: &Bed) {
    bed.declare(&users()).await;
    bed.declare(&messages()).await;
    let store = &bed.store;
    assert_eq!(store.put_in_order(Vec::new()).await, Ok(Vec::new()));
    let puts = vec![user("ann", "1", IfAbsent), message("1", IfAbsent)];
    let versions = store.put_in_order(puts).await.unwrap();
    let [ann, first] = versions.try_into().expect("a version for each");
    assert_ne!(ann, first);
    let found = store.get("Messages", &key("room", Some("1")), true).await;
    assert_eq!(found.unwrap().unwrap().version, first);

    // The second is there already: the first stays, the third is not done.
    let puts = vec![
        user("ann", "2", IfUnchanged(ann.clone())),
        message("1", IfAbsent),
        user("bob", "1", Always),
    ];
    let stopped = store.put_in_order(puts).await.unwrap_err();
    assert_eq!(stopped.error, StoreError::Conflict);
    let [second] = stopped.written.try_into().expect("one is written");
    assert_eq!(text(bed, "ann").await, Some(json!("2")));
    assert_eq!(text(bed, "bob").await, None);

    // Each sees what those before it have written.
    let puts = vec![
        user("ann", "3", IfUnchanged(second)),
        user("ann", "4", IfUnchanged(ann)),
    ];
    let stopped = store.put_in_order(puts).await.unwrap_err();
    assert_eq!(
        (stopped.written.len(), stopped.error),
        (1, StoreError::Conflict)
    );
    let puts = vec![user("ann", "5", Always), user("ann", "6", Always)];
    assert_eq!(store.put_in_order(puts).await.unwrap().len(), 2);
    assert_eq!(text(bed, "ann").await, Some(json!("6")));
}

pub async fn nothing_is_put_if_one_is_no_item(bed: &Bed) {
    bed.declare(&users()).await;
    bed.declare(&messages()).await;
    let with = |table: &str, json: &str| Put {
        table: table.into(),
        json: json.into(),
        condition: Always,
    };
    let huge = json!({"UserName": "bob", "Text": "x".repeat(400 << 10)}).to_string();
    let long = json!({"UserName": "x".repeat(2_049)}).to_string();
    for (wrong, code) in [
        (with("Users", "[]"), "bad-item"),
        (with("Messages", r#"{"PartitionKey":"room"}"#), "bad-item"),
        (with("Users", &long), "bad-key"),
        (with("Users", &huge), "too-large"),
        (with("Nothing", r#"{"UserName":"bob"}"#), "unknown-table"),
    ] {
        let puts = vec![user("ann", "1", Always), wrong];
        let Stopped { written, error } = bed.store.put_in_order(puts).await.unwrap_err();
        assert_eq!((written, error.code()), (Vec::new(), code));
    }
    let many = |count: usize| {
        let puts = (0..count).map(|number| message(&number.to_string(), Always));
        bed.store.put_in_order(puts.collect())
    };
    let refused = many(PUTS_MAX + 1).await.unwrap_err();
    assert_eq!(refused.error.code(), "too-large");
    let padded = |at: &str| Put {
        table: "Messages".into(),
        json: json!({"PartitionKey": "room", "CreatedAt": at, "Text": "x".repeat(350 << 10)})
            .to_string(),
        condition: Always,
    };
    let puts = ["1", "2", "3"].map(padded).into();
    let refused = bed.store.put_in_order(puts).await.unwrap_err();
    assert_eq!(refused.error.code(), "too-large", "of more than 1 MiB");
    assert_eq!(text(bed, "ann").await, None);
    let page = bed.store.query("Messages", "room", &all(100), true).await;
    assert_eq!(page.unwrap().items.len(), 0);
    assert_eq!(many(PUTS_MAX).await.unwrap().len(), PUTS_MAX);
}

/// As a message that sixteen try to save: who has its nonce has its place too.
pub async fn of_sixteen_orders_at_once_one_is_done(bed: &Bed) {
    bed.declare(&users()).await;
    bed.declare(&messages()).await;
    let racers: Vec<_> = (0..16)
        .map(|racer| {
            let store = bed.store.clone();
            let nonce = user("nonce", &racer.to_string(), IfAbsent);
            let puts = vec![nonce, message(&racer.to_string(), IfAbsent)];
            tokio::spawn(async move { (racer, store.put_in_order(puts).await) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            (racer, Ok(_)) => winners.push(racer.to_string()),
            (_, Err(stopped)) => assert_eq!(stopped, StoreError::Conflict.into()),
        }
    }
    let [winner] = winners.try_into().expect("one winner");
    assert_eq!(text(bed, "nonce").await, Some(json!(winner)));
    let page = bed.store.query("Messages", "room", &all(100), true).await;
    let [item] = page.unwrap().items.try_into().expect("one message");
    assert!(
        item.json.contains(&format!("\"{winner}\"")),
        "{}",
        item.json
    );
}
