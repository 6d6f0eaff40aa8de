//! Whoever would write as somebody else, or be there twice.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{NEW, Person, history, refused, send, window};
use tidegate_tests::client::Client;
use tidegate_tests::cookies::cookie;
use tidegate_tests::page::{from_page, own_origin, post, swap};
use tidegate_tests::setup::Setup;
use tidegate_tests::{http, tokens};

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
