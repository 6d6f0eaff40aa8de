#![allow(clippy::unwrap_used)]

mod redis_server;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::auth::SameSite;
use crate::auth::tests::session_config;
use redis_server::RedisServer;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/cookies.json")).unwrap()
}

fn signer(secrets: &[&str]) -> Signer {
    Signer::new(
        &secrets
            .iter()
            .map(|&secret| secret.to_owned())
            .collect::<Vec<_>>(),
    )
}

/// A `Cookie` header as a browser sends it.
fn header(id: &str) -> String {
    cookie::serialize(
        &session_config().cookie,
        &signer(&["keyboard cat"]).sign(id),
        0,
    )
}

async fn load(sessions: &Sessions, id: &str) -> Result<SessionDocument, SessionError> {
    sessions.load(Some(&header(id))).await
}

#[test]
fn signatures_are_those_of_npm_cookie_signature() {
    for vector in vectors()["signed"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let signer = signer(&[text("secret")]);
        assert_eq!(signer.sign(text("id")), text("value"));
        let value = cookie::find(text("header"), "connect.sid").unwrap();
        assert_eq!(
            signer.unsign(&value),
            Some(text("id")),
            "{}",
            text("header")
        );
    }
}

#[test]
fn set_cookie_and_document_are_those_of_npm_express_session() {
    let vectors = vectors();
    let ttl = Duration::from_secs(86_400);
    let now = 1_795_511_736_000 - millis(ttl);
    let configs = [
        (Some("example.com"), true, true, SameSite::Lax),
        (Some(".example.com"), true, false, SameSite::None),
        (None, false, true, SameSite::Strict),
    ];
    for (vector, (domain, secure, http_only, same_site)) in
        vectors["set"].as_array().unwrap().iter().zip(configs)
    {
        let config = CookieConfig {
            name: "connect.sid".to_owned(),
            domain: domain.map(str::to_owned),
            secure,
            http_only,
            same_site,
        };
        let value = vectors["signed"][0]["value"].as_str().unwrap();
        let header = cookie::serialize(&config, value, now + millis(ttl));
        assert_eq!(header, vector["header"].as_str().unwrap());
        let document = document::with_cookie(r#"{"user":7}"#, &config, ttl, now).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&document).unwrap(),
            vector["document"]
        );
    }
}

#[test]
fn cookie_headers_are_read_as_npm_cookie_reads_them() {
    for vector in vectors()["parsed"].as_array().unwrap() {
        let header = vector["header"].as_str().unwrap();
        let value = cookie::find(header, "connect.sid");
        assert_eq!(value.as_deref(), vector["value"].as_str(), "{header}");
    }
}

#[test]
fn a_rotated_secret_still_verifies_and_no_longer_signs() {
    let (old, new) = (signer(&["old"]), signer(&["new"]));
    let both = signer(&["new", "old"]);
    assert_eq!(both.unsign(&old.sign("id")), Some("id"));
    assert_eq!(both.sign("id"), new.sign("id"));
    assert_eq!(new.unsign(&old.sign("id")), None);
}

#[test]
fn a_cookie_that_is_not_signed_names_nobody() {
    let signer = signer(&["keyboard cat"]);
    let good = signer.sign("id");
    for bad in [
        "",
        "s:",
        "s:id",
        "s:id.",
        "id",
        &good[2..],
        &format!("{good}="),
        &signer.sign(""),
    ] {
        assert_eq!(signer.unsign(bad), None, "{bad}");
    }
    assert_eq!(Signer::new(&[]).unsign("s:id."), None);
}

proptest! {
    #[test]
    fn an_id_survives_the_browser(id in "\\PC{1,40}") {
        let value = cookie::find(&header(&id), "connect.sid");
        let signer = signer(&["keyboard cat"]);
        prop_assert_eq!(value.as_deref().and_then(|value| signer.unsign(value)), Some(&*id));
    }

    #[test]
    fn no_header_makes_the_reader_panic(header in "(connect\\.sid=)?\\PC{0,40}|connect.sid=[%0-9A-Fa-f\"]{0,9}") {
        if let Some(value) = cookie::find(&header, "connect.sid") {
            prop_assert_eq!(signer(&["keyboard cat"]).unsign(&value), None);
        }
    }
}

#[test]
fn a_document_says_how_long_it_lives() {
    let life = |cookie: Value| Life::read(&json!({ "cookie": cookie }).to_string()).unwrap();
    let now = date::parse_iso("2026-11-24T09:15:36.000Z").unwrap();
    let ends = |expires: Value| life(json!({ "expires": expires })).has_ended(now);
    assert!(ends(json!("2026-11-24T09:15:36.000Z")));
    assert!(!ends(json!("2026-11-24T09:15:36.001Z")));
    assert!(!ends(json!(null)));
    assert!(ends(json!("whenever")));
    assert!(ends(json!(5)));
    assert!(!Life::read("{}").unwrap().has_ended(now));
    assert_eq!(
        life(json!({"originalMaxAge": 60_000})).length(),
        Some(Duration::from_secs(60))
    );
    assert_eq!(life(json!({"originalMaxAge": null})).length(), None);
    assert_eq!(life(json!("odd")).length(), None);
    for no_object in ["", "[]", "[null]", "7", "null", "{", r#""text""#] {
        assert!(Life::read(no_object).is_none(), "{no_object}");
    }
}

fn embedded(data: &Path, ttl: Duration) -> Sessions {
    let mut config = session_config();
    config.ttl = ttl;
    Sessions::open(&config, data).unwrap()
}

fn rows(sessions: &Sessions) -> u64 {
    let Store::Embedded(store) = &sessions.store else {
        panic!("not embedded");
    };
    store.len()
}

#[tokio::test]
async fn the_embedded_store_keeps_a_session_until_it_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = embedded(folder.path(), Duration::from_secs(60));
    let made = sessions.create(r#"{"user":7}"#).await.unwrap();
    assert_eq!(made.id.len(), 32);
    drop(sessions);

    let sessions = embedded(folder.path(), Duration::from_secs(60));
    let document = sessions.load(Some(&made.set_cookie)).await.unwrap();
    assert_eq!(document.id, made.id);
    assert_eq!(
        serde_json::from_str::<Value>(&document.json).unwrap()["user"],
        7
    );
    assert_eq!(load(&sessions, "another").await, Err(SessionError::Unknown));
    sessions.destroy(&made.id).await.unwrap();
    assert_eq!(load(&sessions, &made.id).await, Err(SessionError::Unknown));
    assert_eq!(rows(&sessions), 0);
}

#[tokio::test]
async fn the_embedded_store_drops_sessions_that_have_ended() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = embedded(folder.path(), Duration::ZERO);
    let ended = sessions.create("{}").await.unwrap();
    assert_eq!(
        load(&sessions, &ended.id).await.err(),
        Some(SessionError::Expired)
    );
    assert_eq!(rows(&sessions), 1);
    drop(sessions);
    let sessions = embedded(folder.path(), Duration::from_secs(60));
    let now = date::unix_millis();
    crate::auth::tests::until("the clock ticks", || date::unix_millis() > now).await;
    sessions.create("{}").await.unwrap();
    assert_eq!(rows(&sessions), 1);
}

#[tokio::test]
async fn use_renews_an_embedded_session() {
    let folder = tempfile::tempdir().unwrap();
    let short = embedded(folder.path(), Duration::from_secs(60));
    let Store::Embedded(store) = &short.store else {
        panic!("not embedded");
    };
    let document = json!({"cookie": {"originalMaxAge": 600_000}}).to_string();
    store
        .clone()
        .save("id".to_owned(), document.clone(), Duration::from_secs(60))
        .await
        .unwrap();
    let left = async || {
        store
            .clone()
            .load("id".to_owned())
            .await
            .unwrap()
            .left
            .unwrap()
    };
    assert!(left().await <= Duration::from_secs(60));
    load(&short, "id").await.unwrap();
    assert!(left().await > Duration::from_secs(590));

    let fresh = Duration::from_secs(580);
    store
        .clone()
        .save("id".to_owned(), document, fresh)
        .await
        .unwrap();
    load(&short, "id").await.unwrap();
    assert!(left().await <= fresh, "a fresh session costs no write");
    assert_eq!(rows(&short), 1);
}

#[tokio::test]
async fn what_is_no_session_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = embedded(folder.path(), Duration::from_secs(60));
    let load = async |header| sessions.load(header).await.err();
    assert_eq!(load(None).await, Some(SessionError::Missing));
    assert_eq!(load(Some("other=1")).await, Some(SessionError::Missing));
    assert_eq!(
        load(Some("connect.sid=s%3Aid.AAAA")).await,
        Some(SessionError::BadSignature)
    );
    assert_eq!(
        load(Some("connect.sid=id")).await,
        Some(SessionError::BadSignature)
    );
    for bad in ["", "[]", "7", "{"] {
        assert_eq!(
            sessions.create(bad).await.err(),
            Some(SessionError::Malformed),
            "{bad}"
        );
    }
    let large = json!({ "pad": "x".repeat(DOCUMENT_BYTES_MAX) }).to_string();
    assert_eq!(
        sessions.create(&large).await.err(),
        Some(SessionError::Malformed)
    );
}

fn in_redis(server: &RedisServer, ttl: Duration) -> Sessions {
    in_redis_at(server.url(), ttl)
}

fn in_redis_at(url: String, ttl: Duration) -> Sessions {
    let mut config = session_config();
    config.ttl = ttl;
    config.store = SessionStore::Redis {
        url,
        prefix: "sess:".to_owned(),
    };
    Sessions::open(&config, Path::new("/nonexistent")).unwrap()
}

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_session_of_connect_redis_is_read() {
    let server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    let document = vectors()["set"][0]["document"].to_string();
    server
        .command(&["SET", "sess:yQ3pT1", &document, "EX", "86400"])
        .await;
    let loaded = load(&sessions, "yQ3pT1").await.unwrap();
    assert_eq!(loaded.json, document);
    assert_eq!(
        load(&sessions, "another").await.err(),
        Some(SessionError::Unknown)
    );
    server.command(&["SET", "sess:odd", "[1]"]).await;
    assert_eq!(
        load(&sessions, "odd").await.err(),
        Some(SessionError::Unknown)
    );
}

/// connect-redis touches a session with EXPIRE alone, so the date in the document of a visitor
/// who stays grows old.
#[tokio::test]
async fn the_life_of_the_key_counts_before_the_date_in_the_document() {
    let server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    let expires =
        |date: &str| json!({"cookie": {"originalMaxAge": 60_000, "expires": date}}).to_string();
    let (past, future) = (
        expires("2020-01-01T00:00:00.000Z"),
        expires("2099-01-01T00:00:00.000Z"),
    );
    server
        .command(&["SET", "sess:touched", &past, "EX", "60"])
        .await;
    assert!(load(&sessions, "touched").await.is_ok());
    server.command(&["SET", "sess:endless", &past]).await;
    assert_eq!(
        load(&sessions, "endless").await.err(),
        Some(SessionError::Expired)
    );
    server.command(&["SET", "sess:endless", &future]).await;
    assert!(load(&sessions, "endless").await.is_ok());
    assert_eq!(
        server.command(&["TTL", "sess:endless"]).await,
        "-1",
        "it got no end from us"
    );
}

#[tokio::test]
async fn use_renews_a_session_in_redis_and_never_shortens_it() {
    let server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    let document = json!({"cookie": {"originalMaxAge": 600_000}}).to_string();
    let own = json!({"cookie": {"originalMaxAge": null}}).to_string();
    for (id, document, before, after) in [
        ("old", &document, "60", 590..=600),
        ("fresh", &document, "599", 590..=599),
        ("longer", &document, "5000", 4_990..=5_000),
        ("unsaid", &own, "60", 86_390..=86_400),
    ] {
        let key = format!("sess:{id}");
        server.command(&["SET", &key, document, "EX", before]).await;
        let loaded = load(&sessions, id).await.unwrap();
        assert_eq!(
            loaded.renewed_cookie, None,
            "{id}: how its cookie was made is not said"
        );
        let left: i64 = server.command(&["TTL", &key]).await.parse().unwrap();
        assert!(after.contains(&left), "{id}: {left}");
    }
}

#[tokio::test]
async fn use_renews_a_cookie_that_is_as_ours() {
    let server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    let made = sessions.create("{}").await.unwrap();
    let ours: Value = {
        let key = format!("sess:{}", made.id);
        serde_json::from_str(&server.command(&["GET", &key]).await).unwrap()
    };
    let with = |member: &str, value: Value| {
        let mut document = ours.clone();
        document["cookie"][member] = value;
        document
    };
    for (document, renewed) in [
        (ours.clone(), true),
        (with("originalMaxAge", json!(7_200_000)), true),
        (with("originalMaxAge", json!(null)), false),
        (with("path", json!("/app")), false),
        (with("domain", json!("other.example")), false),
        (with("secure", json!("auto")), false),
    ] {
        let json = document.to_string();
        server.command(&["SET", "sess:id", &json, "EX", "60"]).await;
        let cookie = load(&sessions, "id").await.unwrap().renewed_cookie;
        assert_eq!(cookie.is_some(), renewed, "{document}: {cookie:?}");
        let again = load(&sessions, "id").await.unwrap();
        assert_eq!(again.renewed_cookie, None, "it is as new");
    }
}

#[tokio::test]
async fn a_session_made_here_is_one_of_connect_redis() {
    let server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    let made = sessions.create(r#"{"user":7}"#).await.unwrap();
    let key = format!("sess:{}", made.id);
    let stored: Value = serde_json::from_str(&server.command(&["GET", &key]).await).unwrap();
    assert_eq!(stored["user"], 7);
    assert_eq!(stored["cookie"]["originalMaxAge"], 86_400_000);
    assert_eq!(stored["cookie"]["path"], "/");
    let left: i64 = server.command(&["TTL", &key]).await.parse().unwrap();
    assert!((86_390..=86_400).contains(&left), "{left}");
    assert!(sessions.load(Some(&made.set_cookie)).await.is_ok());
    sessions.destroy(&made.id).await.unwrap();
    assert_eq!(server.command(&["EXISTS", &key]).await, "0");
}

#[tokio::test]
async fn sessions_live_on_a_cluster_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::start_cluster(folder.path()).await;
    let sessions = in_redis_at(format!("{0}, {0}", server.url()), DAY);
    let made = sessions.create(r#"{"user":7}"#).await.unwrap();
    let document = sessions.load(Some(&made.set_cookie)).await.unwrap();
    assert_eq!(document.id, made.id);
    sessions.destroy(&made.id).await.unwrap();
    assert_eq!(
        load(&sessions, &made.id).await.err(),
        Some(SessionError::Unknown)
    );
}

#[tokio::test]
async fn a_lost_redis_is_told_and_found_again() {
    let mut server = RedisServer::start().await;
    let sessions = in_redis(&server, DAY);
    server.command(&["SET", "sess:id", "{}", "EX", "60"]).await;
    assert!(load(&sessions, "id").await.is_ok());
    server.stop();
    assert_eq!(
        load(&sessions, "id").await.err(),
        Some(SessionError::Unavailable)
    );
    assert_eq!(
        sessions.create("{}").await.err(),
        Some(SessionError::Unavailable)
    );
    server.restart().await;
    server.command(&["SET", "sess:id", "{}", "EX", "60"]).await;
    assert!(load(&sessions, "id").await.is_ok());

    server.stop();
    server.restart().await;
    let first = load(&sessions, "id").await.err();
    assert_eq!(
        first,
        Some(SessionError::Unknown),
        "nobody is told of a restart between two uses"
    );
}

#[test]
fn a_redis_url_that_cannot_be_used_is_not_shown() {
    let mut config = session_config();
    for url in [
        "http://:hunter2@redis.test",
        "redis://:hunter2@[",
        "hunter2",
    ] {
        config.store = SessionStore::Redis {
            url: url.to_owned(),
            prefix: "sess:".to_owned(),
        };
        let error = Sessions::open(&config, Path::new("/nonexistent"))
            .err()
            .unwrap();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}
