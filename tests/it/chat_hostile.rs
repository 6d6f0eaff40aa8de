//! What somebody would send who means no good, or whose client is broken.

use std::net::TcpListener;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{
    NEW, Person, call, hear, history, refused, register, send, texts_of, window,
};
use tidegate_tests::client::Client;
use tidegate_tests::cookies::cookie;
use tidegate_tests::page::{from_page, own_origin, post, swap};
use tidegate_tests::setup::Setup;
use tidegate_tests::{http, tokens};

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
async fn a_forged_cookie_is_nobodys() {
    let setup = Setup::new().env("SESSION_SECRET", "keyboard cat");
    let broker = setup.start().await;
    let ann = Person::enters(&broker, "ann").await;
    let token = ann.token(&broker).await;
    let sid = tokens::claims(&token)["sid"].as_str().unwrap().to_owned();
    assert_eq!(
        swap(&broker, &cookie(&sid, "keyboard cat")).await.status,
        200
    );
    let (pair, _) = ann.cookie.rsplit_once('.').unwrap();
    for forged in [
        cookie(&sid, "another secret"),
        cookie(&sid, ""),
        cookie("ann", "keyboard cat"),
        cookie("", "keyboard cat"),
        cookie("../../etc/passwd", "keyboard cat"),
        format!("{pair}."),
        pair.to_owned(),
        format!("connect.sid={sid}"),
        format!("connect.sid=s%3A{sid}"),
        format!("{}x", ann.cookie),
        "connect.sid=s%3A%00.%ff".into(),
        r#"connect.sid=j%3A{"user":{"id":"ann"}}"#.to_owned(),
    ] {
        assert_eq!(swap(&broker, &forged).await.status, 401, "{forged}");
        for (method, params) in [
            ("chat.who", json!({})),
            ("chat.send", json!({"text": "hi", "nonce": "1"})),
            ("chat.history", json!({})),
        ] {
            let answer = from_page(&broker, method, &forged, &params).await;
            let code = answer.json()["error"].clone();
            assert_eq!((answer.status, code), (401, json!("unauthenticated")));
        }
        let answer = from_page(&broker, "chat.logout", &forged, &json!({})).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(
        swap(&broker, &ann.cookie).await.status,
        200,
        "ann is still in"
    );
    // Whoever comes with such a cookie gets a session of their own.
    let planted = cookie("chosen", "another secret");
    let answer = from_page(&broker, "chat.register", &planted, &json!({"name": "eve"})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.header("set-cookie").contains("chosen"));
    // No other page may use the cookie.
    let headers = [("origin", "https://evil.example"), ("cookie", &ann.cookie)];
    let params = json!({"text": "forged", "nonce": "1"});
    for method in ["chat.send", "chat.logout"] {
        let answer = post(&broker, method, &headers, &params).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    let mut reader = window(&broker, &token).await;
    assert_eq!(history(&mut reader).await, Vec::<Value>::new());
}

#[tokio::test]
async fn nobody_writes_in_anothers_name() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let bob = Person::enters(&broker, "bob").await;
    let mut window = ann.window(&broker).await;
    for more in ["name", "user_name", "subject", "UserName", "created_at"] {
        let mut params = json!({"text": "hi", "nonce": "1"});
        params[more] = json!("bob");
        assert_eq!(
            refused(&mut window, "chat.send", params).await,
            "bad-params"
        );
    }
    let sent = send(&mut window, "1", "hi").await;
    assert_eq!(sent["name"], "ann");
    // The cookie beside a token counts for nothing.
    let origin = own_origin(&broker);
    let bearer = format!("Bearer {}", ann.token(&broker).await);
    let both = [
        ("authorization", bearer.as_str()),
        ("cookie", bob.cookie.as_str()),
        ("origin", origin.as_str()),
    ];
    let sent = post(
        &broker,
        "chat.send",
        &both,
        &json!({"text": "ho", "nonce": "2"}),
    )
    .await;
    assert_eq!(sent.json()["message"]["name"], "ann");
    let out = post(&broker, "chat.logout", &both, &json!({})).await;
    assert_eq!(out.status, 200);
    assert_eq!(
        swap(&broker, &bob.cookie).await.status,
        200,
        "bob is still in"
    );

    // A session that was ended elsewhere is worth nothing.
    let token = bob.token(&broker).await;
    let mut eve = Client::connect(&broker).await;
    eve.listen_with(&[NEW], &token).await;
    let sid = tokens::claims(&token)["sid"].as_str().unwrap().to_owned();
    let url = format!("http://{}/sessions/{sid}/revoke", broker.admin);
    assert_eq!(http::post(&url, &[], "").await.status, 200);
    let gone = json!({"type": "AUTH_REVOKED", "data": {"topics": [NEW]}});
    eve.expect(gone).await;
    assert_eq!(swap(&broker, &bob.cookie).await.status, 401);
    let answer = bob.calls(&broker, "chat.send", json!({"text": "hi", "nonce": "1"}));
    assert_eq!(answer.await.json()["error"], "unauthenticated");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let params = json!({"text": "hi", "nonce": "1"});
    let answer = post(&broker, "chat.send", &headers, &params).await;
    assert_eq!(answer.json()["error"], "unauthenticated");
    assert_eq!(history(&mut window).await.len(), 2);
}

#[tokio::test]
async fn a_nonce_is_one_persons_and_good_for_one_message() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let bob = Person::enters(&broker, "bob").await;
    let mut anns = ann.window(&broker).await;
    let mut bobs = bob.window(&broker).await;
    let first = send(&mut anns, "same", "of ann").await;
    let of_bob = send(&mut bobs, "same", "of bob").await;
    assert_eq!(
        (&of_bob["name"], &of_bob["text"]),
        (&json!("bob"), &json!("of bob"))
    );
    assert_eq!(send(&mut anns, "same", "of ann").await, first);
    assert_eq!(send(&mut anns, "same", "another text").await, first);
    // From many windows at once, of which none has an answer yet.
    let mut windows = Vec::new();
    for _ in 0..8 {
        windows.push(ann.window(&broker).await);
    }
    for round in 0..10 {
        let nonce = format!("race-{round}");
        let racing = windows.iter_mut();
        let racing = racing.map(async |window| send(window, &nonce, &nonce).await);
        let sent = join_all(racing).await;
        assert!(sent.iter().all(|message| message == &sent[0]), "{sent:?}");
    }
    // Parts of a name and of a nonce do not add up to another's.
    let odd = Person::enters(&broker, "ann#same").await;
    let mut odds = odd.window(&broker).await;
    let own = send(&mut odds, "x", "1").await;
    let other = send(&mut anns, "same#x", "2").await;
    assert_ne!(own["id"], other["id"]);
    assert_eq!(history(&mut anns).await.len(), 2 + 10 + 2);
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

/// The store never answers: calls wait, no more than may, and the others are told at once.
#[tokio::test]
async fn calls_that_wait_are_bounded() {
    // The kernel takes connections; nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let setup = Setup::new()
        .env("TIDEGATE_STORE", "dynamodb")
        .env("AWS_ACCESS_KEY_ID", "tidegate")
        .env("AWS_SECRET_ACCESS_KEY", "no-secret")
        .env("AWS_REGION", "us-east-1");
    let broker = setup
        .settings(&format!(
            "[store]\nendpoint = \"{endpoint}\"\ntimeout = \"2s\"\n[plugins]\nhandler_calls = 5\n"
        ))
        .start()
        .await;
    let names = (0..50).map(|n| format!("visitor {n}"));
    let answers = join_all(names.map(async |name| register(&broker, &name).await)).await;
    let mut codes: Vec<_> = Vec::new();
    for answer in &answers {
        let error = answer.json();
        assert_eq!(
            (answer.status, &error["retryable"]),
            (503, &json!(true)),
            "{error}"
        );
        assert_eq!(answer.header("set-cookie"), "");
        codes.push(error["error"].as_str().unwrap().to_owned());
    }
    codes.sort();
    assert_eq!(
        codes.iter().filter(|code| *code == "unavailable").count(),
        5,
        "{codes:?}"
    );
    assert_eq!(
        codes.iter().filter(|code| *code == "overloaded").count(),
        45,
        "{codes:?}"
    );
    let waiting = broker.metric("tidegate_plugin_handler_calls_waiting").await;
    assert_eq!(waiting, Some(0.0));
}

/// More than may be called at once come to register: each gets the name, or a word to come again.
#[tokio::test]
async fn a_crowd_at_the_door_is_served_or_asked_to_come_again() {
    let settings = "[plugins]\nhandler_calls = 8\nhandler_instances = 2\n";
    let broker = Setup::new().settings(settings).start().await;
    let mut waiting: Vec<String> = (0..1_000).map(|n| format!("visitor {n}")).collect();
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
    let taken = register(&broker, "visitor 999").await;
    assert_eq!(taken.json()["error"], "name-taken");
    no_call_failed(&broker).await;
}
