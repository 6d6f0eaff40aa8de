#![allow(clippy::unwrap_used)]

mod in_redis;
mod redis_server;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::auth::SameSite;
use crate::auth::tests::session_config;

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
