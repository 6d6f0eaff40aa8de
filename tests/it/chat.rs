//! The chat as its people have it: a name, messages on every transport, an end that leaves them.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{
    NEW, Person, call, hear, history, list, refused, register, send, texts_of,
};
use tidegate_tests::client::Client;
use tidegate_tests::page::{post, swap};
use tidegate_tests::setup::Setup;
use tidegate_tests::socketio::SocketIo;
use tidegate_tests::tokens;

#[tokio::test]
async fn a_name_is_a_cookie_a_token_and_a_place_to_write() {
    let broker = Broker::start().await;
    let answer = register(&broker, "ann").await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"name": "ann"}))
    );
    let set = answer.header("set-cookie");
    for part in ["; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(set.contains(part), "{set}");
    }
    let ann = Person::enters(&broker, "  Ann   of Green Gables ").await;
    let claims = tokens::claims(&ann.token(&broker).await);
    assert_eq!(claims["sub"], "Ann of Green Gables");
    assert_eq!(claims["scope"], "user:read:chat user:write:chat");
    let known = json!({"name": "Ann of Green Gables", "rooms": ["general"]});
    let who = ann.calls(&broker, "chat.who", json!({})).await;
    assert_eq!((who.status, who.json()), (200, known.clone()));
    let mut window = ann.window(&broker).await;
    assert_eq!(call(&mut window, "chat.who", json!({})).await, known);

    let again = json!({"name": "Ann of Green Gables"});
    let again = ann.calls(&broker, "chat.register", again).await;
    assert_eq!((again.status, again.header("set-cookie")), (200, ""));
    let second = ann.calls(&broker, "chat.register", json!({"name": "eve"}));
    assert_eq!(second.await.json()["error"], "already-registered");
}

#[tokio::test]
async fn a_name_that_is_taken_or_unfit_is_refused_in_plain_words() {
    let broker = Broker::start().await;
    Person::enters(&broker, "ann").await;
    let long = "x".repeat(33);
    for (name, code, words) in [
        ("ann", "name-taken", "ann is taken. Please choose another"),
        (" ann ", "name-taken", "ann is taken. Please choose another"),
        ("", "bad-name", "Please type a name."),
        (" \t ", "bad-name", "Please type a name."),
        (&long, "bad-name", "at most 32 characters"),
        ("a\u{7}b", "bad-name", "control characters"),
        ("ad\u{200b}min", "bad-name", "invisible characters"),
    ] {
        let answer = register(&broker, name).await;
        let error = answer.json();
        assert_eq!((answer.status, &error["error"]), (400, &json!(code)));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{name:?}: {message}");
        assert_eq!(answer.header("set-cookie"), "", "{name:?}");
    }
    let mut nobody = Client::connect(&broker).await;
    let text = json!({"text": "hi", "nonce": "1"});
    for (method, params, code) in [
        ("chat.register", json!({"name": "bob"}), "needs-http"),
        ("chat.logout", json!({}), "needs-http"),
        ("chat.send", text, "unauthenticated"),
        ("chat.history", json!({}), "unauthenticated"),
        ("chat.who", json!({}), "unauthenticated"),
        ("chat.shout", json!({}), "unknown-method"),
    ] {
        assert_eq!(refused(&mut nobody, method, params).await, code, "{method}");
    }
    let reader = broker.token("reader", &["user:read:chat"]);
    let mut reader = tidegate_tests::chat::window(&broker, &reader).await;
    let text = json!({"text": "hi", "nonce": "1"});
    assert_eq!(
        refused(&mut reader, "chat.send", text).await,
        "forbidden",
        "the scope to write is not the one to read"
    );
}

#[tokio::test]
async fn a_text_that_is_unfit_is_refused_in_plain_words() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let long = "é".repeat(2_001);
    for (text, nonce, room, code) in [
        ("", "1", "general", "bad-text"),
        (" \n\u{200b} ", "1", "general", "bad-text"),
        (&long, "1", "general", "bad-text"),
        ("a\u{0}b", "1", "general", "bad-text"),
        ("hi", "", "general", "bad-nonce"),
        ("hi", "a b", "general", "bad-nonce"),
        ("hi", "1", "attic", "unknown-room"),
    ] {
        let params = json!({"text": text, "nonce": nonce, "room": room});
        let answer = ann.calls(&broker, "chat.send", params).await;
        let error = answer.json();
        assert_eq!((answer.status, &error["error"]), (400, &json!(code)));
        assert!(error["message"].as_str().unwrap().ends_with('.'), "{error}");
    }
    let mut window = ann.window(&broker).await;
    assert_eq!(history(&mut window).await, Vec::<Value>::new());
    send(&mut window, "1", &"é".repeat(2_000)).await;
}

/// Each way to write is heard on each way to listen, and read back on each way to read.
#[tokio::test]
async fn all_transports_have_the_same_messages() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let bob = Person::enters(&broker, "bob").await;
    let mut listeners = Vec::new();
    for person in [&ann, &ann, &bob, &bob] {
        listeners.push(person.listening(&broker).await);
    }
    let token = bob.token(&broker).await;
    let options = json!({"transports": ["polling"], "token": token});
    let mut page = SocketIo::npm(&broker.url(""), &options).await;
    page.connects().await;
    let listen = json!([{"topics": [NEW]}]);
    assert_eq!(page.asks("listen", listen).await, json!([{"ok": true}]));

    let mut window = ann.window(&broker).await;
    let by_websocket = send(&mut window, "1", "over /ws").await;
    let params = json!([{"text": "over Socket.IO", "nonce": "1"}]);
    let first = page.hears_event("chat.message").await;
    let acknowledged = page.asks("chat.send", params).await;
    assert_eq!(acknowledged[0]["ok"], true, "{acknowledged}");
    let by_socketio = acknowledged[0]["data"]["message"].clone();
    let params = json!({"text": "over HTTP", "nonce": "2"});
    let answer = ann.calls(&broker, "chat.send", params).await;
    let by_cookie = answer.json()["message"].clone();
    let bearer = format!("Bearer {token}");
    let params = json!({"text": "by a program", "nonce": "2"});
    let headers = [("authorization", bearer.as_str())];
    let answer = post(&broker, "chat.send", &headers, &params).await;
    let by_token = answer.json()["message"].clone();

    let sent = [by_websocket, by_socketio, by_cookie, by_token];
    let names = texts_of(&sent, "name");
    assert_eq!(names, ["ann", "bob", "ann", "bob"]);
    for message in &sent {
        let (room, created_at) = (&message["room"], message["created_at"].as_str().unwrap());
        assert_eq!((room, created_at.len()), (&json!("general"), 19));
        assert_eq!(message["id"], format!("general/{created_at}"));
        assert!(created_at.starts_with(&message["time_ms"].to_string()));
    }
    for listener in &mut listeners {
        for message in &sent {
            assert_eq!(&hear(listener).await, message);
        }
    }
    assert_eq!(first, json!([sent[0]]));
    assert_eq!(history(&mut window).await, sent);
    let newest = json!({"messages": [sent[3], sent[2]], "more": true});
    let two = json!({"limit": 2});
    let over_http = bob.calls(&broker, "chat.history", two.clone()).await;
    assert_eq!(over_http.json(), newest);
    let over_socketio = page.asks("chat.history", json!([two])).await;
    assert_eq!(over_socketio, json!([{"ok": true, "data": newest}]));
    let after = json!({"after": sent[0]["created_at"], "limit": 2});
    let after = call(&mut window, "chat.history", after).await;
    assert_eq!(list(after["messages"].clone()), sent[1..3]);
    page.end().await;
}

#[tokio::test]
async fn what_the_chat_did_not_save_cannot_be_announced() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut listener = ann.listening(&broker).await;
    let mut window = ann.window(&broker).await;
    let forged = json!({"id": "general/1", "name": "bob", "text": "forged"});
    for topic in [NEW, "chat:message:new:attic"] {
        let data = json!({"topic": topic, "message": forged, "event": "chat.message"});
        let response = window.ask("PUBLISH", data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{topic}: {response}");
    }
    let options = json!({"transports": ["websocket"], "token": ann.token(&broker).await});
    let mut page = SocketIo::npm(&broker.url(""), &options).await;
    page.connects().await;
    let publish = json!([{"topic": NEW, "payload": forged}]);
    let refused = page.asks("publish", publish).await;
    assert_eq!(refused[0]["ok"], false, "{refused}");
    let true_one = send(&mut window, "1", "true").await;
    assert_eq!(hear(&mut listener).await, true_one);
    let mut nobody = Client::connect(&broker).await;
    let response = nobody.ask("LISTEN", json!({"topics": [NEW]})).await;
    assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    page.end().await;
}

#[tokio::test]
async fn who_logs_out_leaves_only_messages() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let bob = Person::enters(&broker, "bob").await;
    let token = ann.token(&broker).await;
    let mut windows = [ann.listening(&broker).await, ann.listening(&broker).await];
    let mut other = bob.listening(&broker).await;
    let said = send(&mut windows[0], "1", "I shall be back").await;
    assert_eq!(hear(&mut windows[1]).await, said);
    assert_eq!(hear(&mut other).await, said);

    let answer = ann.calls(&broker, "chat.logout", json!({})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let cleared = answer.header("set-cookie");
    assert!(cleared.contains("Expires=Thu, 01 Jan 1970"), "{cleared}");
    for window in &mut windows {
        let revoked = json!({"type": "AUTH_REVOKED", "data": {"topics": [NEW]}});
        loop {
            // The first window has not read yet what it said itself.
            let frame = window.frame().await;
            if frame["type"] != "MESSAGE" {
                assert_eq!(frame, revoked);
                break;
            }
        }
    }
    assert_eq!(swap(&broker, &ann.cookie).await.status, 401);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let answer = post(&broker, "chat.who", &headers, &json!({})).await;
    assert_eq!(answer.json()["error"], "unauthenticated");
    let mut late = Client::connect(&broker).await;
    let response = late.ask("AUTH", json!({"auth_token": token})).await;
    assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
    // Twice does no harm.
    ann.leaves(&broker).await;

    assert_eq!(history(&mut other).await, vec![said.clone()]);
    let next = Person::enters(&broker, "ann").await;
    assert_ne!(next.cookie, ann.cookie);
    let mut window = next.window(&broker).await;
    let again = send(&mut window, "2", "as I said").await;
    assert_eq!(hear(&mut other).await, again);
    assert_eq!(swap(&broker, &ann.cookie).await.status, 401, "still");
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let broker = Setup::new().start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut window = ann.window(&broker).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(send(&mut window, &n.to_string(), &format!("text {n}")).await);
    }
    drop(window);
    let broker = broker.restart().await;
    assert_eq!(register(&broker, "ann").await.json()["error"], "name-taken");
    let mut window = ann.listening(&broker).await;
    assert_eq!(history(&mut window).await, sent);
    let retried = send(&mut window, "4", "text 4").await;
    assert_eq!(retried, sent[4], "the nonce is known still");
    sent.push(send(&mut window, "5", "text 5").await);
    assert_eq!(history(&mut window).await, sent);
}
