use proptest::prelude::*;

use super::*;

/// JSON of the shapes that parameters have, and of any other.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("text".to_owned()),
        Just("nonce".to_owned()),
        Just("room".to_owned()),
        Just("before".to_owned()),
        Just("after".to_owned()),
        Just("limit".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9]{0,20}".prop_map(Value::from),
        Just(Value::from("general")),
        "\\PC{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_method() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("chat.register".to_owned()),
        Just("chat.logout".to_owned()),
        Just("chat.send".to_owned()),
        Just("chat.history".to_owned()),
        Just("chat.who".to_owned()),
        "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn no_call_panics(
        method in any_method(),
        params in any_json(),
        subject in "\\PC{0,16}",
        session in "[a-z0-9-]{0,12}",
    ) {
        let mut bed = Bed::new();
        for caller in [over_http(&subject, &session), Caller { transport: "socket.io", ..over_http(&subject, "") }] {
            if let Err(error) = bed.call(caller, &method, &params) {
                prop_assert!(!error.code.is_empty() && !error.message.is_empty());
                prop_assert!(error.message.len() < 300);
            }
        }
        prop_assert!(bed.host.logs().is_empty(), "{:?}", bed.host.logs());
    }

    #[test]
    fn every_name_that_is_taken_can_be_used(typed in any::<String>(), text in "\\PC{1,40}") {
        let mut bed = Bed::new();
        let Ok(registered) = bed.call(over_http("", ""), "chat.register", &json!({"name": typed})) else {
            return Ok(());
        };
        let name = registered["name"].as_str().expect("a text").to_owned();
        prop_assert_eq!(refused(bed.registers(&name)).0, "name-taken", "it is its own form");
        if let Ok(message) = bed.sends(&name, "1", &text) {
            prop_assert_eq!(&message["name"], &name);
            prop_assert_eq!(&message["text"], &text);
        }
        prop_assert!(bed.host.logs().is_empty());
    }

    #[test]
    fn no_settings_panic(settings in any_json()) {
        let _ = Host::new().start::<Chat>(&settings);
    }
}
