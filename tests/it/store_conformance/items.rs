//! Put, get, delete, batch get.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidegate::store::Condition::Always;
use tidegate_tests::store::{Bed, key, messages, users};

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

pub async fn what_is_put_is_got_until_it_is_deleted(bed: &Bed) {
    bed.declare(&users()).await;
    let (store, ann) = (&bed.store, key("ann", None));
    assert_eq!(store.get("Users", &ann, true).await, Ok(None));
    let first = json!({"UserName": "ann", "SessionId": "s1"});
    let version = store.put("Users", &first.to_string(), Always).await;
    let found = store.get("Users", &ann, true).await.unwrap().unwrap();
    assert_eq!(
        (parsed(&found.json), found.version),
        (first, version.unwrap())
    );

    // The whole item: what the new one has not is gone.
    let second = json!({"UserName": "ann"});
    store
        .put("Users", &second.to_string(), Always)
        .await
        .unwrap();
    let found = store.get("Users", &ann, true).await.unwrap().unwrap();
    assert_eq!(parsed(&found.json), second);
    assert_eq!(store.get("Users", &key("an", None), true).await, Ok(None));

    assert_eq!(store.delete("Users", &ann, None).await, Ok(()));
    assert_eq!(store.get("Users", &ann, false).await, Ok(None));
    assert_eq!(store.delete("Users", &ann, None).await, Ok(()), "again");
}

pub async fn json_is_kept_to_the_digit(bed: &Bed) {
    bed.declare(&users()).await;
    let store = &bed.store;
    for (number, value) in [
        r#""<script>alert('é\u0001\u0000\n\"')</script> 😀""#,
        r#""""#,
        r#"{"M":{"a":[null,true,false,[],{}]},"UserName":"of a nested object"}"#,
        "1764110000123000417",
        "12345678901234567890123456789012345678",
        "-0.5",
        "0",
        "[1,2.25,1000000]",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("u{number}");
        let json = format!("{{\"UserName\":{name:?},\"Value\":{value}}}");
        store.put("Users", &json, Always).await.unwrap();
        let found = store.get("Users", &key(&name, None), true).await.unwrap();
        let found = found.unwrap().json;
        assert_eq!(parsed(&found), parsed(&json));
        // serde_json's numbers are of 64 bits; the text shows the others.
        if value.bytes().all(|byte| byte.is_ascii_digit()) {
            assert!(found.contains(value), "{found}");
        }
    }
}

pub async fn a_batch_answers_in_the_order_of_its_keys(bed: &Bed) {
    bed.declare(&messages()).await;
    let store = &bed.store;
    let item = |number: u32| {
        let text = format!("text {number}");
        json!({"PartitionKey": "general", "CreatedAt": format!("{number:03}"), "Text": text})
    };
    let place = |number: u32| key("general", Some(&format!("{number:03}")));
    for number in (0..100).step_by(2) {
        bed.put("Messages", &item(number)).await;
    }
    let wanted: Vec<u32> = (0..98).rev().chain([96, 97]).collect();
    let keys: Vec<_> = wanted.iter().map(|number| place(*number)).collect();
    let found = store.batch_get("Messages", &keys, true).await.unwrap();
    assert_eq!(found.len(), wanted.len());
    for (number, found) in wanted.into_iter().zip(found) {
        let expected = (number % 2 == 0).then(|| item(number));
        assert_eq!(found.map(|item| parsed(&item.json)), expected, "{number}");
    }
    assert_eq!(store.batch_get("Messages", &[], true).await, Ok(Vec::new()));
}

pub async fn a_version_never_comes_again(bed: &Bed) {
    bed.declare(&users()).await;
    let store = &bed.store;
    let mut versions = BTreeSet::new();
    for round in 0..20 {
        let put = store.put("Users", r#"{"UserName":"ann"}"#, Always).await;
        assert!(versions.insert(put.unwrap()), "round {round}");
        if round % 3 == 0 {
            store
                .delete("Users", &key("ann", None), None)
                .await
                .unwrap();
        }
    }
}
