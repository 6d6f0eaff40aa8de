use proptest::prelude::*;
use tidegate_plugin::check_topic;

use super::*;

/// JSON of the shapes that records and settings have, and of any other.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "userId",
            "user",
            "id",
            "recipients",
            "userIds",
            "type",
            "data",
            "records",
            "users",
            "admission",
            "user_service_url",
            "path",
            "topic",
            "payload",
            "event",
            "active",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from("http://users")),
        Just(Value::from("/users/{id}")),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn wide() -> Value {
    json!({"records": {
        "users": ["header:to", "/user/id", "/recipients/*/id", "/userIds", "/0/id", "key"],
        "event": ["header:event", "/type", "key"],
        "payload": ["/data", ""],
    }})
}

/// What must hold of whatever is published.
fn check(outcome: Result<Outcome, Error>) -> Result<(), TestCaseError> {
    match outcome {
        Ok(outcome) => {
            prop_assert_eq!(
                outcome.skipped().is_some(),
                outcome.publications().is_empty()
            );
            for publication in outcome.publications() {
                prop_assert!(check_topic(&publication.topic).is_ok());
                prop_assert_eq!(publication.topic.split(':').count(), 3);
                let payload =
                    serde_json::from_str::<&serde_json::value::RawValue>(&publication.payload);
                prop_assert!(payload.is_ok());
                prop_assert!(
                    publication
                        .event
                        .as_deref()
                        .is_some_and(|event| !event.is_empty())
                );
            }
        }
        Err(error) => {
            prop_assert!(!error.retryable);
            prop_assert!(!error.code.is_empty() && !error.message.is_empty());
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_panic(
        key in prop::option::of(any::<Vec<u8>>()),
        value in prop::option::of(any::<Vec<u8>>()),
        to in any::<Vec<u8>>(),
    ) {
        let headers = [header("to", &to), header("event", &to)];
        let record = Record {
            key: key.as_deref(), value: value.as_deref(), headers: &headers, ..Record::default()
        };
        check(by_default(&record))?;
        check(started(&wide()).map(&record))?;
    }

    #[test]
    fn no_json_panics(value in any_json(), key in prop::option::of(".{0,8}")) {
        let text = value.to_string();
        let record = Record {
            key: key.as_ref().map(String::as_bytes), value: Some(text.as_bytes()), ..Record::default()
        };
        check(by_default(&record))?;
        check(started(&wide()).map(&record))?;
    }

    #[test]
    fn no_cut_text_panics(value in any_json(), cut in any::<prop::sample::Index>()) {
        let text = value.to_string();
        let bytes = text.as_bytes();
        check(started(&wide()).map(&Record {
            value: Some(&bytes[..cut.index(bytes.len() + 1)]), ..Record::default()
        }))?;
    }

    #[test]
    fn different_users_never_share_a_topic(one in ".{1,24}", other in ".{1,24}") {
        let topic = |user: &str| topics(by_default(&keyed(user, "{}"))).remove(0);
        prop_assert_eq!(topic(&one) == topic(&other), one == other);
    }

    #[test]
    fn pointers_find_what_serde_json_finds(value in any_json(), pointer in "(/[a-z0-9~1*]{0,3}){0,3}") {
        prop_assume!(!pointer.split('/').any(|segment| segment == "*"));
        let text = value.to_string();
        let raw: &serde_json::value::RawValue = serde_json::from_str(&text).expect("it is JSON");
        let found = crate::pointer::Pointer::try_from(pointer.clone()).expect("a pointer").find(raw);
        let found = match found.expect("it is JSON") {
            crate::pointer::Found::One(found) => serde_json::from_str(found.get()).ok(),
            _ => None,
        };
        // Not the same number of a float that is printed and read again.
        let again: Value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(found, again.pointer(&pointer).cloned());
    }

    #[test]
    fn no_settings_panic(settings in any_json()) {
        let _ = start(&settings);
    }
}
