//! `/auth/ws`: a session cookie becomes a token.

use serde_json::json;
use tidegate_tests::broker::Broker;
use tidegate_tests::client::Client;
use tidegate_tests::cookies::{cookie, document, store};
use tidegate_tests::http::{self, Answer};
use tidegate_tests::redis::Redis;
use tidegate_tests::setup::Setup;
use tidegate_tests::{tokens, wait};

const SECRET: &str = "keyboard cat";

async fn started(redis: &Redis) -> Broker {
    let setup = Setup::new().env("REDIS_URL", &redis.url());
    setup
        .env("SESSION_SECRET", SECRET)
        .env("SESSION_DOMAIN", "example.com")
        .start()
        .await
}

async fn get(broker: &Broker, headers: &[(&str, &str)]) -> Answer {
    http::get(&broker.url("/auth/ws"), headers).await
}

async fn post(broker: &Broker, headers: &[(&str, &str)]) -> Answer {
    http::post(&broker.url("/auth/ws"), headers, "").await
}

#[tokio::test]
async fn a_cookie_becomes_a_token_that_listens() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &["user:read:chat"])).await;
    let cookie = cookie("abc", SECRET);
    let origin = ("origin", "https://www.example.com");
    for answer in [
        get(&broker, &[("cookie", &cookie)]).await,
        get(&broker, &[("cookie", &cookie), origin]).await,
        post(&broker, &[("cookie", &cookie), origin]).await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        let expires_in = body["expires_in"].as_u64().unwrap_or_default();
        assert!(expires_in > 0, "{body}");
        assert_eq!(
            body.as_object().map(serde_json::Map::len),
            Some(2),
            "{body}"
        );
        assert!(answer.header("cache-control").contains("no-store"));
        let token = body["token"].as_str().unwrap_or_default();
        let claims = tokens::claims(token);
        assert_eq!(
            (&claims["sub"], &claims["sid"]),
            (&json!("alice"), &json!("abc"))
        );
        let scope = claims["scope"].as_str().unwrap_or_default();
        assert!(
            scope.split(' ').any(|one| one == "user:read:chat"),
            "{claims}"
        );
        let mut client = Client::connect(&broker).await;
        client
            .listen_with(&["chat:general", "user:alice:notification"], token)
            .await;
    }
}

#[tokio::test]
async fn other_cookies_beside_it_do_not_matter() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &[])).await;
    let cookies = format!(
        "theme=dark; {}; connect.sidx=s%3Ax.y",
        cookie("abc", SECRET)
    );
    assert_eq!(get(&broker, &[("cookie", &cookies)]).await.status, 200);
}

#[tokio::test]
async fn no_or_bad_cookies_are_401() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &[])).await;
    assert_eq!(get(&broker, &[]).await.status, 401);
    let unsigned = "connect.sid=abc".to_owned();
    let bare = "connect.sid=s%3Aabc".to_owned();
    let foreign = cookie("abc", "another secret");
    let swapped = cookie("abd", SECRET).replace("abd", "abc");
    let unknown = cookie("gone", SECRET);
    for bad in [
        unsigned,
        bare,
        foreign,
        swapped,
        unknown,
        "connect.sid=".to_owned(),
    ] {
        let answer = get(&broker, &[("cookie", &bad)]).await;
        assert_eq!(answer.status, 401, "{bad}: {}", answer.body);
        assert!(!answer.body.contains("eyJ"), "{}", answer.body);
    }
    assert_eq!(
        get(&broker, &[("cookie", &cookie("abc", SECRET))])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn foreign_origins_are_403_even_with_a_good_cookie() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &[])).await;
    let cookie = cookie("abc", SECRET);
    for origin in [
        "https://evil.com",
        "https://example.com.evil.com",
        "https://notexample.com",
        "null",
    ] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        assert_eq!(get(&broker, &headers).await.status, 403, "{origin}");
        assert_eq!(post(&broker, &headers).await.status, 403, "{origin}");
    }
    let bare_post = post(&broker, &[("cookie", &cookie)]).await;
    assert_eq!(bare_post.status, 403, "a cookie POST needs an Origin");
    let same_origin = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(post(&broker, &same_origin).await.status, 200);
    let own = format!("http://{}", broker.address);
    assert_eq!(
        post(&broker, &[("cookie", &cookie), ("origin", &own)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn rotated_secrets_are_still_taken() {
    let redis = Redis::start().await;
    let setup = Setup::new().env("REDIS_URL", &redis.url());
    let broker = setup.env("SESSION_SECRET", "new,old").start().await;
    store(&redis, "abc", &document("alice", &[])).await;
    for (secret, status) in [("new", 200), ("old", 200), ("older", 401)] {
        let cookie = cookie("abc", secret);
        assert_eq!(
            get(&broker, &[("cookie", &cookie)]).await.status,
            status,
            "{secret}"
        );
    }
}

#[tokio::test]
async fn a_session_of_nobody_gets_no_scopes() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "anon", &json!({"cookie": {"path": "/"}})).await;
    store(&redis, "broken", &json!("no object")).await;
    for id in ["anon", "broken"] {
        let answer = get(&broker, &[("cookie", &cookie(id, SECRET))]).await;
        assert_eq!(answer.status, 401, "{id}: {}", answer.body);
    }
}

#[tokio::test]
async fn upgrades_ask_for_the_origin_but_never_for_the_cookie() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &["user:read:chat"])).await;
    let cookie = cookie("abc", SECRET);
    let open = |headers: Vec<(&'static str, String)>| {
        let address = broker.address;
        async move {
            let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            Client::open(address, "/ws", &headers).await
        }
    };
    let foreign = open(vec![("origin", "https://evil.com".into())]).await;
    assert_eq!(foreign.err(), Some(403));
    let headers = vec![
        ("origin", "https://www.example.com".into()),
        ("cookie", cookie),
    ];
    let mut client = open(headers).await.expect("an origin of ours");
    let response = client
        .ask("LISTEN", json!({"topics": ["chat:general"]}))
        .await;
    assert_eq!(response["error"], "ERR_BADAUTH", "a cookie is no token");
}

#[tokio::test]
async fn without_redis_the_answer_is_503_not_401() {
    let mut redis = Redis::start().await;
    let broker = started(&redis).await;
    store(&redis, "abc", &document("alice", &[])).await;
    redis.kill();
    let answer = get(&broker, &[("cookie", &cookie("abc", SECRET))]).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
}

/// connect-redis renews a session by its key's time to live and leaves `expires` as it was: Redis
/// says what has ended, the document does not.
#[tokio::test]
async fn a_session_lives_as_long_as_its_key() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    let mut touched = document("alice", &[]);
    touched["cookie"]["expires"] = json!("2001-01-01T00:00:00.000Z");
    store(&redis, "abc", &touched).await;
    let cookie = cookie("abc", SECRET);
    assert_eq!(get(&broker, &[("cookie", &cookie)]).await.status, 200);
    redis.cli(&["PEXPIRE", "sess:abc", "1"]);
    // Asking before it has ended would renew it.
    wait::until("the key has ended", async || {
        (redis.cli(&["EXISTS", "sess:abc"]).trim() == "0").then_some(())
    })
    .await;
    assert_eq!(get(&broker, &[("cookie", &cookie)]).await.status, 401);
}

/// A page of an allowed origin on another host reads the answer; others do not even see it.
#[tokio::test]
async fn cors_is_for_allowed_origins() {
    let redis = Redis::start().await;
    let broker = started(&redis).await;
    let url = broker.url("/auth/ws");
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = http::try_request(reqwest::Method::OPTIONS, &url, &headers, "").await;
        answer.expect("an answer")
    };
    let ours = preflight("https://www.example.com").await;
    assert_eq!(ours.status, 204);
    assert_eq!(
        ours.header("access-control-allow-origin"),
        "https://www.example.com"
    );
    assert_eq!(ours.header("access-control-allow-credentials"), "true");
    assert!(ours.header("vary").to_lowercase().contains("origin"));
    let foreign = preflight("https://evil.com").await;
    assert_eq!(foreign.header("access-control-allow-origin"), "");
    let unauthenticated = post(&broker, &[("origin", "https://www.example.com")]).await;
    assert_eq!(unauthenticated.status, 401);
    let allowed = unauthenticated.header("access-control-allow-origin");
    assert_eq!(
        allowed, "https://www.example.com",
        "errors are readable too"
    );
}
