//! What somebody would send who means no good, or whose client is broken.

use std::net::TcpListener;

use futures_util::future::join_all;
use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{Person, call, hear, history, refused, register, send, texts_of};
use tidegate_tests::http::Answer;
use tidegate_tests::setup::Setup;
use tidegate_tests::{ports, wait};

use crate::calls::no_call_failed;

const MARKUP: &str = "</script><script>alert(document.cookie)</script><img src=x onerror=alert(1)>";

#[tokio::test]
async fn markup_comes_back_as_the_text_that_it_is() {
    let broker = Broker::start().await;
    let name = "<b onclick=alert(1)>ann</b>";
    let ann = Person::enters(&broker, name).await;
    let mut window = ann.listening(&broker).await;
    let mut reader = ann.window(&broker).await;
    let texts = [
        MARKUP,
        "\u{2028}\u{2029}</script>",
        "{\"type\":\"MESSAGE\"}",
        "line one\nline two",
        "\\u003cscript\\u003e",
        "e\u{301} 👩‍👩‍👧 \u{202e}txet",
        "' OR 1=1; --",
    ];
    for (n, text) in texts.into_iter().enumerate() {
        let sent = send(&mut reader, &n.to_string(), text).await;
        assert_eq!((&sent["text"], &sent["name"]), (&json!(text), &json!(name)));
        assert_eq!(hear(&mut window).await, sent);
    }
    assert_eq!(texts_of(&history(&mut reader).await, "text"), texts);
    let answer = ann.calls(&broker, "chat.history", json!({})).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let sent = json!({"text": MARKUP, "nonce": "x", "room": MARKUP});
    let answer = ann.calls(&broker, "chat.send", sent).await;
    assert_eq!(answer.json()["error"], "unknown-room");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_megabyte_is_refused_on_every_way_and_disturbs_nobody() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut listener = ann.listening(&broker).await;
    let huge = json!({"text": "x".repeat(1 << 20), "nonce": "1"});
    let mut flooded = ann.window(&broker).await;
    let data = json!({"method": "chat.send", "params": huge});
    let frame = json!({"type": "CALL", "nonce": "n", "data": data});
    flooded.try_send_text(&frame.to_string()).await;
    assert_eq!(flooded.close_code().await, 1009);
    let answer = ann.calls(&broker, "chat.send", huge).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (413, &json!("too-large"))
    );
    let answer = register(&broker, &"x".repeat(1 << 20)).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (413, &json!("too-large"))
    );
    // What the broker lets through is the plugin's to refuse.
    let mut window = ann.window(&broker).await;
    for text in [
        "x".repeat(30_000),
        "\u{1}".repeat(5_000),
        "\n".repeat(30_000),
    ] {
        let large = json!({"text": text, "nonce": "1"});
        assert_eq!(
            refused(&mut window, "chat.send", large.clone()).await,
            "bad-text"
        );
        let answer = ann.calls(&broker, "chat.send", large).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!("bad-text"))
        );
    }
    let name = register(&broker, &"\u{fdfa}".repeat(10_000)).await;
    assert_eq!(name.json()["error"], "bad-name");
    let long_nonce = json!({"text": "x", "nonce": "n".repeat(30_000)});
    assert_eq!(
        refused(&mut window, "chat.send", long_nonce).await,
        "bad-nonce"
    );
    let sent = send(&mut window, "1", "a small one").await;
    assert_eq!(hear(&mut listener).await, sent);
    no_call_failed(&broker).await;
}

#[tokio::test]
async fn garbage_for_parameters_is_refused() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut window = ann.window(&broker).await;
    let message = send(&mut window, "1", "hi").await;
    let place = message["created_at"].clone();
    let digits = "1".repeat(20);
    for params in [
        json!({"before": ""}),
        json!({"before": "abc"}),
        json!({"before": "-1"}),
        json!({"before": "1e3"}),
        json!({"before": "٣"}),
        json!({"before": digits}),
        json!({"before": "general/1764110000123000417"}),
        json!({"before": 1_764_110_000_123_u64}),
        json!({"after": {"$gt": ""}}),
        json!({"before": place, "after": place}),
        json!({"cursor": "AAAA"}),
        json!({"limit": -1}),
        json!({"limit": 1.5}),
        json!({"limit": "10"}),
        json!({"room": 7}),
        json!([]),
        json!("x"),
        json!(7),
    ] {
        let code = refused(&mut window, "chat.history", params.clone()).await;
        assert_eq!(code, "bad-params", "{params}");
    }
    for params in [
        json!({}),
        json!({"text": "hi"}),
        json!({"text": ["hi"], "nonce": "2"}),
        json!({"text": "hi", "nonce": 2}),
        json!({"text": "hi", "nonce": "2", "room": null, "more": 1}),
    ] {
        let code = refused(&mut window, "chat.send", params.clone()).await;
        assert_eq!(code, "bad-params", "{params}");
    }
    for room in ["nonce#ann#1", "", "GENERAL", "general "] {
        let code = refused(&mut window, "chat.history", json!({"room": room})).await;
        assert_eq!(code, "unknown-room", "{room}");
    }
    for limit in [json!(0), json!(1), json!(u64::MAX)] {
        let batch = call(&mut window, "chat.history", json!({"limit": limit})).await;
        assert_eq!(batch, json!({"messages": [message], "more": false}));
    }
    no_call_failed(&broker).await;
}

/// The store does not answer: calls wait, no more than may, and the others are told at once.
#[tokio::test]
async fn calls_that_wait_are_bounded() {
    let port = ports::free();
    let settings = format!(
        "[store]\nendpoint = \"http://127.0.0.1:{port}\"\ntimeout = \"60s\"\n\
         [plugins]\nhandler_calls = 5\nhandler_deadline = \"60s\"\n"
    );
    let setup = Setup::new()
        .env("TIDEGATE_STORE", "dynamodb")
        .env("AWS_ACCESS_KEY_ID", "tidegate")
        .env("AWS_SECRET_ACCESS_KEY", "no-secret");
    let broker = setup.settings(&settings).start().await;
    // The kernel takes connections; nobody reads them.
    let silent = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let is_error = |answer: &Answer, code: &str| {
        let error = answer.json();
        assert_eq!((answer.status, &error["error"]), (503, &json!(code)));
        assert_eq!(error["retryable"], true);
        assert_eq!(answer.header("set-cookie"), "");
    };
    let visitors = (0..5).map(async |n| register(&broker, &format!("visitor {n}")).await);
    let others = async {
        let metric = "tidegate_plugin_handler_calls_waiting";
        wait::until("five calls wait", async || {
            (broker.metric(metric).await == Some(5.0)).then_some(())
        })
        .await;
        let names = (0..50).map(|n| format!("other {n}"));
        for answer in join_all(names.map(async |name| register(&broker, &name).await)).await {
            is_error(&answer, "overloaded");
        }
        assert_eq!(broker.metric(metric).await, Some(5.0));
        drop(silent);
    };
    let (answers, ()) = tokio::join!(join_all(visitors), others);
    for answer in &answers {
        is_error(answer, "unavailable");
    }
}

/// More than may be called at once come to register: each gets the name, or a word to come again.
#[tokio::test]
async fn a_crowd_at_the_door_is_served_or_asked_to_come_again() {
    let settings = "[plugins]\nhandler_calls = 2\nhandler_instances = 1\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut waiting: Vec<String> = (0..500).map(|n| format!("visitor {n}")).collect();
    let mut turned_away = 0;
    while !waiting.is_empty() {
        // So many connections at once, whatever the machine.
        let crowd = waiting.drain(..waiting.len().min(100)).collect::<Vec<_>>();
        let answers = crowd.iter().map(async |name| register(&broker, name).await);
        let answers = join_all(answers).await;
        for (name, answer) in crowd.into_iter().zip(answers) {
            let body = answer.json();
            if answer.status == 200 {
                assert_eq!(body["name"], name.as_str());
            } else {
                assert_eq!((answer.status, &body["error"]), (503, &json!("overloaded")));
                assert_eq!(body["retryable"], true);
                turned_away += 1;
                waiting.push(name);
            }
        }
    }
    assert!(turned_away > 0, "all were served at once");
    let taken = register(&broker, "visitor 499").await;
    assert_eq!(taken.json()["error"], "name-taken");
    no_call_failed(&broker).await;
}
