//! Sessions that are kept in Redis, as connect-redis keeps them.

use super::redis_server::RedisServer;
use super::*;

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
