use tidegate_plugin::{Principal, Principals};

use super::*;

fn principal(settings: &Value, document: &str) -> Result<Principal, Error> {
    started(settings).principal(document)
}

fn known(document: Value) -> (String, String) {
    let found = principal(&shipped(), &document.to_string());
    let Principal { subject, scopes } = found.unwrap_or_else(|error| panic!("{error}"));
    (subject, scopes.join(" "))
}

const DEFAULT: &str = "user:read:chat user:write:chat";

#[test]
fn passport_and_plain_sessions_are_known() {
    let cookie = json!({"originalMaxAge": 1000, "httpOnly": true, "path": "/"});
    for document in [
        json!({"cookie": cookie, "passport": {"user": "alice"}}),
        json!({"cookie": cookie, "passport": {"user": {"id": "alice"}}}),
        json!({"cookie": cookie, "user": {"id": "alice"}}),
        json!({"cookie": cookie, "userId": "alice"}),
    ] {
        assert_eq!(known(document), ("alice".into(), DEFAULT.into()));
    }
    assert_eq!(known(json!({"user": {"id": 42}})).0, "42");
}

#[test]
fn scopes_of_the_document_come_on_top_once() {
    for scopes in [
        json!(["channel:write", "user:read:chat"]),
        json!("channel:write  user:read:chat"),
    ] {
        let (_, held) = known(json!({"user": {"id": "alice", "scopes": scopes}}));
        assert_eq!(held, format!("{DEFAULT} channel:write"));
    }
}

#[test]
fn nobody_signed_in_is_unauthenticated() {
    for document in [
        json!({"cookie": {}}),
        json!({"user": null}),
        json!({"user": {"id": ""}}),
        json!({"user": {"id": true}}),
        json!({"passport": {}}),
        json!("alice"),
    ] {
        let refused = principal(&shipped(), &document.to_string()).expect_err("nobody is there");
        assert_eq!(refused.code, "unauthenticated", "{document}");
    }
}

#[test]
fn scopes_that_are_none_are_refused() {
    for scopes in [json!(7), json!([7]), json!({"a": true}), json!(["a b"])] {
        let document = json!({"user": {"id": "alice", "scopes": scopes}});
        let refused = principal(&shipped(), &document.to_string()).expect_err("no scopes");
        assert_eq!(refused.code, "bad-session", "{document}");
        assert!(refused.message.contains("/user/scopes"), "{refused}");
    }
    let refused = principal(&shipped(), "{").expect_err("no JSON");
    assert_eq!(refused.code, "bad-session");
}

#[test]
fn where_things_sit_is_a_setting() {
    let settings = json!({"topics": {}, "principals": {
        "subject": ["/account/name"], "scopes": ["/account/rights"],
    }});
    let document = json!({"account": {"name": "bob", "rights": ["r"]}, "user": {"id": "alice"}});
    let found = principal(&settings, &document.to_string()).expect("bob is signed in");
    assert_eq!(
        (found.subject.as_str(), found.scopes),
        ("bob", vec!["r".into()])
    );
}
