use std::time::Duration;

use tidegate_plugin::store::table;

use super::*;

/// `1`, `2`, … a second apart.
fn with_messages(count: usize) -> Bed {
    let mut bed = Bed::new();
    for number in 1..=count {
        bed.sends("ann", &number.to_string(), &number.to_string())
            .expect("sent");
        bed.host.pass(Duration::from_secs(1));
    }
    bed
}

fn texts(batch: &Value) -> String {
    let messages = batch["messages"].as_array().expect("a list");
    let texts: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["text"].as_str())
        .collect();
    texts.join(" ")
}

fn at(batch: &Value, index: usize) -> Value {
    batch["messages"][index]["created_at"].clone()
}

#[test]
fn batches_go_back_from_the_newest() {
    let mut bed = with_messages(5);
    let first = bed.reads(&json!({"limit": 2}));
    assert_eq!(
        (texts(&first).as_str(), &first["more"]),
        ("5 4", &json!(true))
    );
    let second = bed.reads(&json!({"limit": 2, "before": at(&first, 1)}));
    assert_eq!(
        (texts(&second).as_str(), &second["more"]),
        ("3 2", &json!(true))
    );
    let third = bed.reads(&json!({"limit": 2, "before": at(&second, 1)}));
    assert_eq!(
        (texts(&third).as_str(), &third["more"]),
        ("1", &json!(false))
    );
    let none = bed.reads(&json!({"limit": 2, "before": at(&third, 0)}));
    assert_eq!(none, json!({"messages": [], "more": false}));
    let exact = bed.reads(&json!({"limit": 5}));
    assert_eq!(
        (texts(&exact).as_str(), &exact["more"]),
        ("5 4 3 2 1", &json!(false))
    );
}

#[test]
fn batches_go_on_from_one_that_is_known() {
    let mut bed = with_messages(5);
    let all = bed.reads(&json!({}));
    let on = bed.reads(&json!({"limit": 2, "after": at(&all, 4)}));
    assert_eq!((texts(&on).as_str(), &on["more"]), ("2 3", &json!(true)));
    let on = bed.reads(&json!({"limit": 2, "after": at(&on, 1)}));
    assert_eq!((texts(&on).as_str(), &on["more"]), ("4 5", &json!(false)));
    let on = bed.reads(&json!({"limit": 2, "after": at(&on, 1)}));
    assert_eq!(on, json!({"messages": [], "more": false}));
    // A time at which nobody wrote will do: windows fill in with an overlap.
    let overlap = bed.reads(&json!({"after": "1767225602500000000"}));
    assert_eq!(texts(&overlap), "4 5");
}

#[test]
fn an_empty_room_has_no_history() {
    assert_eq!(
        Bed::new().reads(&json!(null)),
        json!({"messages": [], "more": false})
    );
}

#[test]
fn a_limit_that_is_too_low_or_high_is_brought_in() {
    let mut bed = with_messages(103);
    let count = |batch: &Value| batch["messages"].as_array().map(Vec::len);
    for (limit, given) in [
        (json!(0), 1),
        (json!(null), 50),
        (json!(100), 100),
        (json!(u64::MAX), 100),
    ] {
        assert_eq!(
            count(&bed.reads(&json!({"limit": limit}))),
            Some(given),
            "{limit}"
        );
    }
    for limit in [json!(-1), json!(1.5), json!("9"), json!([])] {
        let refused = refused(bed.call(by("ann"), "chat.history", &json!({"limit": limit})));
        assert_eq!(refused.0, "bad-params");
    }
}

#[test]
fn what_is_no_place_is_refused() {
    let mut bed = with_messages(1);
    for param in ["before", "after"] {
        for garbage in [
            json!(""),
            json!("x"),
            json!("-1"),
            json!(" 1"),
            json!("１"),
            json!("1767225600000.5"),
            json!("17672256000000000000"),
            json!("9".repeat(1 << 20)),
            json!(1_767_225_600_000_u64),
        ] {
            let (code, message) =
                refused(bed.call(by("ann"), "chat.history", &json!({param: garbage})));
            assert_eq!(code, "bad-params");
            assert!(message.contains(param) && message.len() < 300, "{message}");
        }
    }
    let both = json!({"before": "1", "after": "1"});
    let (_, message) = refused(bed.call(by("ann"), "chat.history", &both));
    assert_eq!(message, "params: before and after are both there");
    assert_eq!(
        texts(&bed.reads(&json!({"before": "9999999999999999999"}))),
        "1"
    );
    assert_eq!(texts(&bed.reads(&json!({"before": "0"}))), "");
    assert_eq!(texts(&bed.reads(&json!({"after": "0"}))), "1");
}

#[test]
fn reading_needs_a_name_and_the_scope() {
    let mut bed = Bed::new();
    let writer = Caller {
        scopes: Scopes::new("user:write:chat"),
        ..by("ann")
    };
    let nobody = Caller {
        subject: None,
        ..by("ann")
    };
    for method in ["chat.history", "chat.who"] {
        assert_eq!(refused(bed.call(writer, method, &json!({}))).0, "forbidden");
        assert_eq!(
            refused(bed.call(nobody, method, &json!({}))).0,
            "unauthenticated"
        );
    }
}

#[test]
fn what_others_keep_in_a_room_is_passed_over() {
    let mut bed = with_messages(2);
    let messages = table("Messages");
    for number in 0..20 {
        let at = format!("17672256005{number:08}");
        messages
            .put(&json!({"PartitionKey": "general", "CreatedAt": at, "Kind": 7}))
            .expect("put");
    }
    messages
        .put(&json!({"PartitionKey": "general", "CreatedAt": "old", "UserName": "a", "Text": "b"}))
        .expect("put");
    let newest = bed.reads(&json!({"limit": 1}));
    assert_eq!(
        (texts(&newest).as_str(), &newest["more"]),
        ("2", &json!(true))
    );
    let last = bed.reads(&json!({"limit": 1, "before": at(&newest, 0)}));
    assert_eq!((texts(&last).as_str(), &last["more"]), ("1", &json!(false)));
}

#[test]
fn other_methods_are_unknown() {
    let mut bed = Bed::new();
    for method in ["chat", "chat.", "chat.Send", "chat.send.x", "send", ""] {
        let refused = refused(bed.call(by("ann"), method, &json!({})));
        assert_eq!(refused.0, "unknown-method");
    }
}
