//! A plugin's sessions: the cookie of `POST /call` is the one that `/auth/ws` takes, and where a
//! session ends its tokens end on all nodes.

use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::page::{cookie_of, from_page, own_origin, post, swap, token_of};
use tidegate_tests::plugins::Plugins;
use tidegate_tests::redis::Redis;
use tidegate_tests::{http, tokens, wait};

use crate::calls::{plugins, setup};

const SECRET: &str = "keyboard cat";

fn create(user: &str) -> Value {
    json!({"create": {"user": {"id": user, "scopes": ["user:read:chat"]}}})
}

async fn enter(broker: &Broker, user: &str) -> (String, String) {
    let origin = own_origin(broker);
    let headers = [("origin", origin.as_str())];
    let answer = post(broker, "guest.enter", &headers, &json!([create(user)])).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.json()[0].as_str().expect("an id").to_owned();
    (cookie_of(&answer), id)
}

async fn one() -> (Plugins, Broker) {
    let plugins = plugins();
    let broker = setup(&plugins).start().await;
    (plugins, broker)
}

async fn two(redis: &Redis) -> (Plugins, [Broker; 2]) {
    let plugins = plugins();
    let keys = tokens::keys("EdDSA");
    let node = || {
        setup(&plugins)
            .env("REDIS_URL", &redis.url())
            .env("TIDEGATE_KEYS", &keys)
            .env("SESSION_SECRET", SECRET)
    };
    let nodes = [node().start().await, node().start().await];
    (plugins, nodes)
}

#[tokio::test]
async fn a_session_that_a_call_creates_is_the_browsers() {
    let (_plugins, broker) = one().await;
    let (cookie, id) = enter(&broker, "ann").await;
    let who = from_page(&broker, "guest.who", &cookie, &json!(null)).await;
    let known = who.json();
    assert_eq!(
        (&known["subject"], &known["session"]),
        (&json!("ann"), &json!(id))
    );
    assert_eq!(who.header("set-cookie"), "", "nothing changes");
    let token = token_of(&broker, &cookie).await;
    assert_eq!(tokens::claims(&token)["sub"], "ann");
    assert_eq!(tokens::claims(&token)["scope"], known["scopes"]);
    assert_eq!(tokens::claims(&token)["sid"], id.as_str());
    let mut client = Client::connect(&broker).await;
    client.listen_with(&["chat:general"], &token).await;
    // A token counts alone: the cookie beside it does not.
    let bearer = format!("Bearer {}", broker.token("bob", &[]));
    let origin = own_origin(&broker);
    let headers = [
        ("origin", origin.as_str()),
        ("cookie", &cookie),
        ("authorization", &bearer),
    ];
    let who = post(&broker, "guest.who", &headers, &json!(null))
        .await
        .json();
    assert_eq!(
        (&who["subject"], &who["session"]),
        (&json!("bob"), &json!(null))
    );
}

/// Who comes back in time stays logged in: what keeps the session alive keeps its cookie, too.
#[tokio::test]
async fn use_renews_a_sessions_cookie() {
    let plugins = plugins();
    let setup = setup(&plugins).env("TIDEGATE_SESSION_TTL", "40s");
    let broker = setup.start().await;
    let origin = own_origin(&broker);
    let enter = async || {
        let headers = [("origin", origin.as_str())];
        let entered = post(&broker, "guest.enter", &headers, &json!([create("ann")])).await;
        entered.header("set-cookie").to_owned()
    };
    let parts = |cookie: &str| {
        let (before, rest) = cookie.split_once("; Expires=").expect("an end");
        let (end, after) = rest.split_once(';').expect("more attributes");
        ((before.to_owned(), after.to_owned()), end.to_owned())
    };
    for by_call in [false, true] {
        let made = enter().await;
        let (cookie, end) = parts(&made);
        let pair = made.split(';').next().unwrap_or_default();
        let renewed = wait::until("a tenth of its life has passed", async || {
            let answer = if by_call {
                from_page(&broker, "guest.who", pair, &json!(null)).await
            } else {
                swap(&broker, pair).await
            };
            assert_eq!(answer.status, 200, "{}", answer.body);
            Some(answer.header("set-cookie").to_owned()).filter(|cookie| !cookie.is_empty())
        })
        .await;
        assert_eq!(parts(&renewed).0, cookie, "it replaces the same cookie");
        assert_ne!(parts(&renewed).1, end);
        let next = swap(&broker, pair).await;
        assert_eq!(next.header("set-cookie"), "", "it is as new");
    }
}

#[tokio::test]
async fn a_session_of_nobody_is_a_session_and_a_forged_one_is_none() {
    let (_plugins, broker) = one().await;
    let origin = own_origin(&broker);
    let told = json!([{"create": {"cart": [1]}}]);
    let answer = post(&broker, "guest.do", &[("origin", &origin)], &told).await;
    let cookie = cookie_of(&answer);
    let who = from_page(&broker, "guest.who", &cookie, &json!(null)).await;
    let id = answer.json()[0].clone();
    assert_eq!(
        who.json(),
        json!({"subject": null, "scopes": "", "transport": "http", "session": id})
    );
    let (name, value) = cookie.split_once('=').expect("a pair");
    for forged in [
        format!("{name}=s%3Aann.sig"),
        format!("{name}={value}x"),
        "a=b".into(),
    ] {
        let who = from_page(&broker, "guest.who", &forged, &json!(null)).await;
        assert_eq!(
            (who.status, who.json()["session"].clone()),
            (200, json!(null)),
            "{forged}"
        );
    }
}

#[tokio::test]
async fn a_session_ends_on_all_nodes() {
    let redis = Redis::start().await;
    let (_plugins, nodes) = two(&redis).await;
    let (cookie, id) = enter(&nodes[0], "ann").await;
    let (other, _) = enter(&nodes[0], "ann").await;
    let token = token_of(&nodes[1], &cookie).await;
    let staying = token_of(&nodes[1], &other).await;
    let mut clients = Vec::new();
    for node in &nodes {
        let mut gone = Client::connect(node).await;
        gone.listen_with(&["chat:general"], &token).await;
        let mut stays = Client::connect(node).await;
        stays.listen_with(&["chat:general"], &staying).await;
        clients.push((gone, stays));
    }
    let destroy = json!([{"destroy": id}]);
    let answer = from_page(&nodes[0], "guest.do", &cookie, &destroy).await;
    assert_eq!((answer.status, answer.json()), (200, json!([null])));
    let cleared = answer.header("set-cookie");
    assert!(cleared.contains("Expires=Thu, 01 Jan 1970"), "{cleared}");
    for (gone, stays) in &mut clients {
        let revoked = json!({"type": "AUTH_REVOKED", "data": {"topics": ["chat:general"]}});
        gone.expect(revoked).await;
        let data = json!({"topics": ["chat:general"], "auth_token": token});
        let response = gone.ask("LISTEN", data).await;
        assert_eq!(response["error"], "ERR_BADAUTH", "{response}");
        stays.expect_nothing_before_pong().await;
    }
    for node in &nodes {
        assert_eq!(swap(node, &cookie).await.status, 401);
        let who = from_page(node, "guest.who", &cookie, &json!(null)).await;
        assert_eq!(who.json()["subject"], json!(null));
        assert_eq!(swap(node, &other).await.status, 200);
    }
}

/// An application that had read the session before may write it back after its end.
#[tokio::test]
async fn a_session_that_was_ended_does_not_come_back() {
    let redis = Redis::start().await;
    let (_plugins, nodes) = two(&redis).await;
    let (cookie, id) = enter(&nodes[0], "ann").await;
    let (staying, _) = enter(&nodes[0], "ann").await;
    let key = format!("sess:{id}");
    let document = redis.cli(&["GET", &key]);
    let url = format!("http://{}/sessions/{id}/revoke", nodes[0].admin);
    assert_eq!(http::post(&url, &[], "").await.status, 200);
    redis.cli(&["SET", &key, document.trim()]);
    let subject = async |cookie: &str| {
        let who = from_page(&nodes[0], "guest.who", cookie, &json!(null)).await;
        who.json()["subject"].clone()
    };
    assert_eq!(subject(&cookie).await, json!(null));
    // A subject that is logged out loses its tokens, and may have a new one for its session.
    let url = format!("http://{}/subjects/ann/revoke", nodes[0].admin);
    assert_eq!(http::post(&url, &[], "").await.status, 200);
    assert_eq!(subject(&staying).await, json!("ann"));
}

#[tokio::test]
async fn a_call_that_fails_leaves_no_session() {
    let redis = Redis::start().await;
    let (_plugins, nodes) = two(&redis).await;
    let origin = own_origin(&nodes[0]);
    let stored = || redis.cli(&["KEYS", "sess:*"]).trim().to_owned();
    for last in [json!({"fail": {"code": "no"}}), json!("trap")] {
        let told = json!([create("ann"), last]);
        let answer = post(&nodes[0], "guest.do", &[("origin", &origin)], &told).await;
        assert!(answer.status >= 400, "{}", answer.body);
        assert_eq!(answer.header("set-cookie"), "");
        wait::until("no session is left", async || {
            stored().is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn without_the_session_store_nobody_is_taken_for_another() {
    let mut redis = Redis::start().await;
    let (_plugins, nodes) = two(&redis).await;
    let (cookie, _) = enter(&nodes[0], "ann").await;
    redis.kill();
    let who = from_page(&nodes[0], "guest.who", &cookie, &json!(null)).await;
    assert_eq!(who.status, 503, "{}", who.body);
    assert_eq!(who.json()["error"], "unavailable");
    assert_eq!(who.json()["retryable"], true);
    // Who brings none needs no store.
    let origin = own_origin(&nodes[0]);
    let who = post(&nodes[0], "guest.who", &[("origin", &origin)], &json!(null)).await;
    assert_eq!(who.status, 200, "{}", who.body);
    let told = json!([create("ann")]);
    let answer = post(&nodes[0], "guest.do", &[("origin", &origin)], &told).await;
    assert_eq!(
        answer.json(),
        json!([{"error": "unavailable", "retryable": true}])
    );
}
