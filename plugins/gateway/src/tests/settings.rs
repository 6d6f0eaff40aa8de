use super::*;

#[test]
fn a_wrong_settings_file_is_refused_by_name() {
    let cases = [
        (json!({}), "missing field `topics`"),
        (json!({"topics": {}, "topic": {}}), "unknown field `topic`"),
        (
            json!({"topics": {}, "remember_ms": "long"}),
            "settings: remember_ms: invalid type",
        ),
        (
            json!({"topics": {}, "remember_ms": -1}),
            "settings: remember_ms: invalid value",
        ),
        (
            with_rule("a", json!({"listens": "anyone"})),
            "unknown field `listens`",
        ),
        (
            with_rule("a", json!({"listen": "everyone"})),
            "topics.a.listen: invalid value: string \"everyone\"",
        ),
        (
            with_rule("a", json!({"publish": []})),
            "topics.a.publish: no scope is listed",
        ),
        (
            with_rule("a", json!({"publish": ["x y"]})),
            "\"x y\" is not a scope",
        ),
        (
            with_rule("a", json!({"publish": {"scope": []}})),
            "unknown field `scope`",
        ),
        (
            with_rule("a:b*", json!({})),
            "pattern \"a:b*\": segment \"b*\"",
        ),
        (
            with_rule("user:*", json!({"listen": "owner"})),
            "topics.user:*.listen: \"owner\" needs {sub} in the pattern",
        ),
        (
            json!({"topics": {}, "principals": {"subject": ["user"]}}),
            "principals.subject[0]: \"user\" is not a JSON pointer",
        ),
        (
            json!({"topics": {}, "principals": {"default_scopes": [""]}}),
            "principals.default_scopes[0]: \"\" is not a scope",
        ),
    ];
    for (settings, says) in cases {
        let message = refusal(&settings);
        assert!(message.contains(says), "{settings} says: {message}");
    }
}

#[test]
fn settings_may_leave_out_all_but_the_topics() {
    assert!(start(&json!({"topics": {}})).is_ok());
}
