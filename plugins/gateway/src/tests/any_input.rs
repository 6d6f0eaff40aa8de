use proptest::prelude::*;
use tidegate_plugin::Principals;

use super::*;

/// JSON of the shapes that settings and sessions have, and of any other.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("topics".to_owned()),
        Just("listen".to_owned()),
        Just("principals".to_owned()),
        Just("user".to_owned()),
        Just("id".to_owned()),
        Just("scopes".to_owned()),
        Just("user:{sub}:**".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from("owner")),
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

proptest! {
    #[test]
    fn no_question_panics(topic in ".{0,64}", subject in ".{0,16}", scopes in ".{0,64}") {
        let mut gateway = started(&shipped());
        for action in [Action::Listen, Action::Publish] {
            for subject in [None, Some(subject.as_str())] {
                let decision = gateway.authorize(&Question {
                    action,
                    topic: &topic,
                    subject,
                    scopes: Scopes::new(&scopes),
                });
                prop_assert_eq!(decision.is_allowed(), decision.reason().is_empty());
            }
        }
    }

    #[test]
    fn only_the_owner_listens(subject in ".{1,16}", other in ".{1,16}") {
        let mut gateway = started(&shipped());
        let topic = format!("user:{}:x", tidegate_plugin::encode_segment(&subject));
        for caller in [&subject, &other] {
            let caller = Caller { subject: Some(caller), scopes: "" };
            let allowed = caller.listens(&mut gateway, &topic).is_allowed();
            prop_assert_eq!(allowed, caller.subject == Some(subject.as_str()));
        }
    }

    #[test]
    fn no_settings_panic(settings in any_json()) {
        let _ = start(&settings);
    }

    #[test]
    fn no_session_panics(document in any_json(), text in ".{0,64}") {
        let mut gateway = started(&shipped());
        for session in [document.to_string(), text] {
            if let Ok(found) = gateway.principal(&session) {
                prop_assert!(!found.subject.is_empty());
                prop_assert!(found.scopes.iter().all(|scope| tidegate_plugin::is_scope(scope)));
            }
        }
    }
}
