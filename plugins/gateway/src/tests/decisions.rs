use std::time::Duration;

use super::*;

#[test]
fn channels_are_open_to_listeners_and_closed_to_publishers_without_the_scope() {
    let mut gateway = started(&shipped());
    assert!(
        ANONYMOUS
            .listens(&mut gateway, "channel:update")
            .is_allowed()
    );
    assert!(
        ANONYMOUS
            .listens(&mut gateway, "channel:prediction:lock")
            .is_allowed()
    );
    assert_eq!(
        alice("user:write:chat")
            .publishes(&mut gateway, "channel:update")
            .reason(),
        "publishing to \"channel:update\" needs the scope channel:write"
    );
    assert!(
        alice("user:write:chat channel:write")
            .publishes(&mut gateway, "channel:update")
            .is_allowed()
    );
}

#[test]
fn chat_needs_its_scopes() {
    let mut gateway = started(&shipped());
    let topic = "chat:general";
    assert_eq!(
        ANONYMOUS.listens(&mut gateway, topic).reason(),
        "listening to \"chat:general\" needs the scope user:read:chat"
    );
    let reader = alice("user:read:chat");
    assert!(reader.listens(&mut gateway, topic).is_allowed());
    assert!(!reader.publishes(&mut gateway, topic).is_allowed());
    let almost = alice("user:read:chats user:read");
    assert!(!almost.listens(&mut gateway, topic).is_allowed());
    let writer = alice("user:write:chat");
    assert!(writer.publishes(&mut gateway, topic).is_allowed());
    assert!(!writer.listens(&mut gateway, topic).is_allowed());
}

#[test]
fn no_client_announces_a_chat_message_itself() {
    let mut gateway = started(&shipped());
    let both = alice("user:read:chat user:write:chat");
    for topic in [
        "chat:message:new",
        "chat:message:new:lobby",
        "chat:message:deleted",
    ] {
        assert!(both.listens(&mut gateway, topic).is_allowed());
        assert_eq!(
            both.publishes(&mut gateway, topic).reason(),
            format!("publishing to \"{topic}\" is not allowed")
        );
        assert!(
            !alice("user:write:chat")
                .listens(&mut gateway, topic)
                .is_allowed()
        );
    }
}

#[test]
fn a_users_topics_are_for_that_user_alone() {
    let mut gateway = started(&shipped());
    assert!(
        alice("")
            .listens(&mut gateway, "user:alice:notification")
            .is_allowed()
    );
    assert_eq!(
        alice("")
            .listens(&mut gateway, "user:bob:notification")
            .reason(),
        "listening to \"user:bob:notification\" is for that user alone"
    );
    assert_eq!(
        ANONYMOUS
            .listens(&mut gateway, "user:bob:notification")
            .reason(),
        "listening to \"user:bob:notification\" needs a signed-in user"
    );
    let service = alice("user:write:notification");
    assert!(
        service
            .publishes(&mut gateway, "user:bob:notification")
            .is_allowed()
    );
}

#[test]
fn a_subject_is_one_segment_whatever_it_holds() {
    let mut gateway = started(&shipped());
    let odd = Caller {
        subject: Some("a:b"),
        scopes: "",
    };
    assert!(odd.listens(&mut gateway, "user:a%3Ab:x").is_allowed());
    assert!(!odd.listens(&mut gateway, "user:a:b:x").is_allowed());
}

#[test]
fn another_users_topic_does_not_fall_to_a_wider_rule() {
    let mut gateway = started(&json!({"topics": {
        "**": {"listen": "anyone"},
        "user:{sub}:**": {"listen": "owner"},
    }}));
    assert!(ANONYMOUS.listens(&mut gateway, "else").is_allowed());
    assert!(!alice("").listens(&mut gateway, "user:bob:x").is_allowed());
}

#[test]
fn the_most_specific_pattern_decides_alone() {
    let mut gateway = started(&json!({"topics": {
        "**": {"listen": "anyone"},
        "a:**": {"listen": "nobody"},
        "a:*": {"listen": "signed-in"},
        "a:b": {"listen": ["s"]},
    }}));
    let mut listens = |caller: &Caller<'_>, topic| caller.listens(&mut gateway, topic).is_allowed();
    assert!(listens(&ANONYMOUS, "b"));
    assert!(!listens(&alice("s"), "a:b:c"));
    assert!(listens(&alice(""), "a:c"));
    assert!(!listens(&ANONYMOUS, "a:c"));
    assert!(!listens(&alice(""), "a:b"));
    assert!(listens(&alice("s"), "a:b"));
}

#[test]
fn all_scopes_are_needed_and_the_missing_ones_named() {
    let settings = with_rule("t", json!({"listen": ["a", "b", "c"]}));
    let mut gateway = started(&settings);
    assert!(alice("c a b").listens(&mut gateway, "t").is_allowed());
    assert_eq!(
        alice("b").listens(&mut gateway, "t").reason(),
        "listening to \"t\" needs the scopes a and c"
    );
}

#[test]
fn an_owner_may_need_scopes_too() {
    let rule = json!({"listen": {"owner": true, "scopes": ["s"]}});
    let mut gateway = started(&with_rule("u:{sub}", rule));
    assert!(alice("s").listens(&mut gateway, "u:alice").is_allowed());
    assert!(!alice("").listens(&mut gateway, "u:alice").is_allowed());
    assert!(!alice("s").listens(&mut gateway, "u:bob").is_allowed());
}

#[test]
fn what_is_not_mentioned_is_denied() {
    let mut gateway = started(&with_rule("t", json!({"listen": "anyone"})));
    assert_eq!(
        alice("t").publishes(&mut gateway, "t").reason(),
        "publishing to \"t\" is not allowed"
    );
    assert_eq!(
        alice("t").listens(&mut gateway, "other").reason(),
        "listening to \"other\" is not allowed: no rule covers it"
    );
    let mut shipped = started(&shipped());
    assert!(!alice("").listens(&mut shipped, "system:node").is_allowed());
}

#[test]
fn decisions_are_remembered_as_long_as_the_settings_say() {
    let mut settings = shipped();
    let remembered = |settings: &Value| {
        ANONYMOUS
            .listens(&mut started(settings), "channel:update")
            .remembered_for()
    };
    assert_eq!(remembered(&settings), Duration::from_secs(60));
    settings["remember_ms"] = json!(5);
    assert_eq!(remembered(&settings), Duration::from_millis(5));
}
