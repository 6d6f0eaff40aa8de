//! Conditions, alone and in a race.

use serde_json::json;
use tidegate::store::Condition::{Always, IfAbsent, IfUnchanged};
use tidegate::store::{Condition, StoreError};
use tidegate_tests::store::{Bed, key, users};

pub async fn if_absent_and_if_unchanged_hold_or_conflict(bed: &Bed) {
    bed.declare(&users()).await;
    let (store, ann) = (&bed.store, key("ann", None));
    let put = async |text: &str, condition| {
        let item = json!({"UserName": "ann", "Text": text}).to_string();
        store.put("Users", &item, condition).await
    };
    let nobody = IfUnchanged("v".into());
    assert_eq!(put("0", nobody).await, Err(StoreError::Conflict));
    let first = put("1", IfAbsent).await.unwrap();
    assert_eq!(put("2", IfAbsent).await, Err(StoreError::Conflict));
    let second = put("3", IfUnchanged(first.clone())).await.unwrap();
    let stale = IfUnchanged(first.clone());
    assert_eq!(put("4", stale).await, Err(StoreError::Conflict));
    let none = IfUnchanged(String::new());
    assert_eq!(put("5", none).await, Err(StoreError::Conflict));
    let found = store.get("Users", &ann, true).await.unwrap().unwrap();
    assert!(found.json.contains("\"3\""), "{}", found.json);
    assert_eq!(found.version, second);

    let delete = async |version: &str| store.delete("Users", &ann, Some(version)).await;
    assert_eq!(delete(&first).await, Err(StoreError::Conflict));
    assert_eq!(delete(&second).await, Ok(()));
    assert_eq!(
        delete(&second).await,
        Err(StoreError::Conflict),
        "it is gone"
    );
    assert_eq!(
        put("6", IfUnchanged(second)).await,
        Err(StoreError::Conflict),
        "what is gone has changed"
    );
    put("7", IfAbsent).await.unwrap();
}

pub async fn of_sixteen_at_once_one_wins(bed: &Bed) {
    bed.declare(&users()).await;
    for round in 0..10 {
        let name = format!("user-{round}");
        let version = race(bed, &name, IfAbsent).await;
        race(bed, &name, IfUnchanged(version)).await;
        assert!(matches!(
            bed.store.put("Users", &json!({"UserName": name}).to_string(), Always).await,
            Ok(version) if !version.is_empty()
        ));
    }
}

/// Answers the winner's version, which the item has.
async fn race(bed: &Bed, name: &str, condition: Condition) -> String {
    let racers: Vec<_> = (0..16)
        .map(|racer| {
            let (store, condition) = (bed.store.clone(), condition.clone());
            let item = json!({"UserName": name, "Racer": racer}).to_string();
            tokio::spawn(async move { (racer, store.put("Users", &item, condition).await) })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            (racer, Ok(version)) => winners.push((racer, version)),
            (_, Err(error)) => assert_eq!(error, StoreError::Conflict),
        }
    }
    let [(racer, version)] = winners.try_into().expect("one winner");
    let found = bed.store.get("Users", &key(name, None), true).await;
    let found = found.unwrap().unwrap();
    assert!(
        found.json.contains(&format!("\"Racer\":{racer}")),
        "{}",
        found.json
    );
    assert_eq!(found.version, version);
    version
}
