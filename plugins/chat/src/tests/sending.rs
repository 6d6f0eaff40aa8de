use std::time::Duration;

use tidegate_plugin::testing::{Fault, Published};

use super::*;

#[test]
fn a_message_is_saved_then_announced() {
    let mut bed = Bed::new();
    let message = bed.sends("ann", "n1", "hi\nthere").expect("sent");
    let created_at = message["created_at"].as_str().expect("a text");
    assert_eq!(created_at.len(), 19);
    assert!(created_at.starts_with("1767225600000"), "{created_at}");
    assert_eq!(
        message,
        json!({
            "id": format!("general/{created_at}"), "room": "general", "name": "ann",
            "text": "hi\nthere", "created_at": created_at, "time_ms": 1_767_225_600_000_u64,
        })
    );
    assert_eq!(
        bed.kept(),
        [json!({
            "PartitionKey": "general", "CreatedAt": created_at, "UserName": "ann",
            "Text": "hi\nthere", "Nonce": "n1",
        })]
    );
    assert_eq!(
        bed.host.published(),
        [Published {
            topic: "chat:message:new".into(),
            event: Some("chat.message".into()),
            payload: message,
        }]
    );
}

#[test]
fn rooms_have_topics_of_their_own() {
    let mut bed = Bed::with(&json!({"rooms": ["lobby", "süd".replace('ü', "ue")]}));
    for (room, topic) in [
        (json!("lobby"), "chat:message:new"),
        (json!(null), "chat:message:new"),
        (json!("sued"), "chat:message:new:sued"),
    ] {
        let params = json!({"text": "hi", "nonce": topic, "room": room});
        bed.call(by("ann"), "chat.send", &params).expect("sent");
        let published = bed.host.published();
        assert_eq!(
            published.last().map(|last| last.topic.as_str()),
            Some(topic)
        );
    }
    for room in ["", "general", "Lobby", "a:b", "nonce#ann#1", "*", "../x"] {
        let params = json!({"text": "hi", "nonce": "9", "room": room});
        for method in ["chat.send", "chat.history"] {
            let params = if method == "chat.send" {
                params.clone()
            } else {
                json!({"room": room})
            };
            assert_eq!(
                refused(bed.call(by("ann"), method, &params)).0,
                "unknown-room"
            );
        }
    }
}

#[test]
fn who_may_not_write_is_told() {
    let mut bed = Bed::new();
    let params = json!({"text": "hi", "nonce": "1"});
    let reader = Caller {
        scopes: Scopes::new("user:read:chat user:write:chats"),
        ..by("ann")
    };
    let nobody = Caller {
        subject: None,
        ..by("ann")
    };
    let (code, message) = refused(bed.call(reader, "chat.send", &params));
    assert_eq!(code, "forbidden");
    assert!(message.contains("user:write:chat"), "{message}");
    assert_eq!(
        refused(bed.call(nobody, "chat.send", &params)).0,
        "unauthenticated"
    );
    assert!(bed.host.items("Messages").is_empty());
}

#[test]
fn texts_have_rules() {
    let mut bed = Bed::new();
    let longest = "😀".repeat(2000);
    let long = "x".repeat(2001);
    let megabyte = "x".repeat(1 << 20);
    for (number, text) in ["x", "  x ", "a\nb", "\u{202b}عمر", "👩\u{200d}💻", &longest]
        .iter()
        .enumerate()
    {
        let message = bed.sends("ann", &number.to_string(), text).expect("sent");
        assert_eq!(message["text"], *text);
    }
    for (text, says) in [
        ("", "write something"),
        (" \n\t\u{3000}", "write something"),
        ("\u{200b}\u{2060} \u{3164}", "write something"),
        ("a\u{0}", "control characters"),
        ("a\r\nb", "control characters"),
        ("a\u{1b}[31m", "control characters"),
        ("a\u{85}", "control characters"),
        (&long, "at most 2000 characters"),
        (&megabyte, "at most 2000 characters"),
    ] {
        let (code, message) = refused(bed.sends("ann", "n", text));
        assert_eq!(code, "bad-text", "{text:.20?}");
        assert!(message.contains(says) && message.len() < 100, "{message}");
    }
}

#[test]
fn nonces_have_rules() {
    let mut bed = Bed::new();
    let longest = "#".repeat(64);
    for nonce in ["1", "0b1a8d5e-1f5c-4f9e-9d5e-3a2b1c0d9e8f", &longest] {
        bed.sends("ann", nonce, "hi").expect("sent");
    }
    let long = "n".repeat(65);
    for nonce in ["", " ", "a b", "ä", "a\n", &long] {
        assert_eq!(
            refused(bed.sends("ann", nonce, "hi")).0,
            "bad-nonce",
            "{nonce:?}"
        );
    }
    let none = bed.call(by("ann"), "chat.send", &json!({"text": "hi"}));
    assert_eq!(refused(none).0, "bad-params");
}

#[test]
fn parameters_cannot_say_who_wrote_or_when() {
    let mut bed = Bed::new();
    for forged in ["name", "UserName", "created_at", "id", "time_ms"] {
        let params = json!({"text": "hi", "nonce": "1", forged: "bob"});
        let (code, message) = refused(bed.call(by("ann"), "chat.send", &params));
        assert_eq!(code, "bad-params");
        assert!(message.contains(forged), "{message}");
    }
    assert!(bed.host.items("Messages").is_empty());
}

#[test]
fn what_looks_like_html_stays_text() {
    let mut bed = Bed::new();
    let text = "<script>alert(\"1\")</script><img src=x onerror=alert(1)> &amp; {{7*7}} ${x}";
    let message = bed.sends("<b>ann</b>", "1", text).expect("sent");
    assert_eq!(
        (&message["text"], &message["name"]),
        (&json!(text), &json!("<b>ann</b>"))
    );
    assert_eq!(bed.host.published()[0].payload, message);
    assert_eq!(bed.reads(&json!({}))["messages"][0], message);
}

#[test]
fn what_was_not_announced_is_announced_when_it_is_sent_again() {
    let mut bed = Bed::new();
    bed.host
        .watch(|call| (call.name == "publisher.publish").then(|| Fault::Undone(unavailable())));
    let error = bed
        .sends("ann", "1", "hi")
        .expect_err("it is not announced");
    assert!(error.retryable);
    assert_eq!((bed.kept().len(), bed.host.published().len()), (1, 0));
    bed.host.watch_no_more();
    bed.host.pass(Duration::from_secs(5));
    let message = bed.sends("ann", "1", "hi").expect("sent");
    assert_eq!((bed.kept().len(), bed.host.published().len()), (1, 1));
    assert_eq!(message["time_ms"], 1_767_225_600_000_u64);
}
