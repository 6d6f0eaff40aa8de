#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use http::HeaderMap;

use super::*;

/// The default settings, in a folder of the test's own.
pub(crate) fn config(data: &Path) -> AuthConfig {
    AuthConfig {
        keys: Vec::new(),
        data: data.to_owned(),
        trusted: Vec::new(),
        trusted_secret: None,
        jwks_url: None,
        issuer: "tidegate".to_owned(),
        audience: "edge".to_owned(),
        foreign_issuer: None,
        foreign_audience: None,
        leeway: Duration::from_secs(30),
        token_ttl: Duration::from_secs(900),
        revocation_ttl: Duration::from_secs(86_400),
        remembered_tokens: 1_000,
        session: session_config(),
    }
}

pub(crate) fn session_config() -> SessionConfig {
    SessionConfig {
        secrets: vec!["keyboard cat".to_owned()],
        cookie: CookieConfig {
            name: "connect.sid".to_owned(),
            domain: None,
            secure: false,
            http_only: true,
            same_site: SameSite::Lax,
        },
        store: SessionStore::Embedded,
        ttl: Duration::from_secs(86_400),
        allowed_origins: Vec::new(),
    }
}

fn claims(session_id: Option<&str>) -> Claims {
    Claims {
        subject: "u1".to_owned(),
        scopes: vec!["user:read:chat".to_owned()],
        session_id: session_id.map(str::to_owned),
        ttl: Duration::from_secs(60),
    }
}

/// Waits for what another thread is about to do.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(std::time::Instant::now() < deadline, "never came: {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_token_is_checked_once_and_then_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let auth = Auth::start(config(folder.path())).await.unwrap();
    let token = auth.mint(&claims(None)).unwrap();
    assert_eq!(auth.remembered(&token), None);
    let principal = auth.verify(&token).await.unwrap();
    assert_eq!(
        (&*principal.subject, &*principal.scopes),
        ("u1", "user:read:chat")
    );
    assert!(Arc::ptr_eq(&auth.remembered(&token).unwrap(), &principal));
    assert!(Arc::ptr_eq(&auth.verify(&token).await.unwrap(), &principal));
    assert_eq!(auth.verify("a.b.c").await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn keys_and_secrets_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.session.secrets.clear();
    let first = Auth::start(config.clone()).await.unwrap();
    let token = first.mint(&claims(None)).unwrap();
    let session = first.create_session("{}").await.unwrap();
    let jwks = first.jwks_json();
    drop(first);
    let second = Auth::start(config).await.unwrap();
    assert_eq!(second.jwks_json(), jwks);
    assert!(second.verify(&token).await.is_ok());
    let loaded = second.session(Some(&session.set_cookie)).await.unwrap();
    assert_eq!(loaded.id, session.id);
}

#[tokio::test]
async fn tokens_can_be_minted_beside_a_running_broker() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let auth = Auth::start(config.clone()).await.unwrap();
    let token = Mint::load(&config).unwrap().mint(&claims(None)).unwrap();
    assert!(auth.verify(&token).await.is_ok());
}

#[tokio::test]
async fn ending_a_session_ends_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let auth = Auth::start(config(folder.path())).await.unwrap();
    let session = auth.create_session(r#"{"user":7}"#).await.unwrap();
    let (known, unseen) = (claims(Some(&session.id)), claims(Some(&session.id)));
    let (known, unseen) = (auth.mint(&known).unwrap(), auth.mint(&unseen).unwrap());
    let other = auth.mint(&claims(Some("another"))).unwrap();
    assert_eq!(
        auth.verify(&known).await.unwrap().session_id.as_deref(),
        Some(&*session.id)
    );
    auth.verify(&other).await.unwrap();

    auth.destroy_session(&session.id).await.unwrap();
    assert_eq!(auth.remembered(&known), None);
    assert_eq!(auth.verify(&known).await, Err(TokenError::Revoked));
    assert_eq!(auth.verify(&unseen).await, Err(TokenError::Revoked));
    assert!(auth.remembered(&other).is_some());
    let gone = auth.session(Some(&session.set_cookie)).await;
    assert_eq!(gone, Err(SessionError::Unknown));
    auth.destroy_session(&session.id).await.unwrap();
}

#[test]
fn a_worker_may_await_it_and_may_give_up() {
    let folder = tempfile::tempdir().unwrap();
    let io = tokio::runtime::Runtime::new().unwrap();
    let auth = io.block_on(Auth::start(config(folder.path()))).unwrap();
    // A worker's runtime, without the drivers that sockets and stores need.
    let worker = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    worker.block_on(async {
        let token = auth.mint(&claims(None)).unwrap();
        assert!(auth.verify(&token).await.is_ok());
        let session = auth.create_session("{}").await.unwrap();
        assert!(auth.session(Some(&session.set_cookie)).await.is_ok());

        let token = auth.mint(&claims(None)).unwrap();
        let all = u32::try_from(auth.0.checking.available_permits()).unwrap();
        let busy = auth.0.checking.acquire_many(all).await.unwrap();
        {
            let mut given_up = Box::pin(auth.verify(&token));
            let first_poll = futures_util::poll!(given_up.as_mut());
            assert!(first_poll.is_pending());
        }
        drop(busy);
        until("the check goes on", || auth.remembered(&token).is_some()).await;
    });
}

#[tokio::test]
async fn a_broker_that_cannot_sign_or_has_a_bad_rule_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/jose.json")).unwrap();
    let mut without_private = config(folder.path());
    let spki = vectors["keys"]["EdDSA"]["spki"].as_str().unwrap();
    without_private.keys = vec![KeySource::Pem(spki.to_owned())];
    let error = Auth::start(without_private).await.unwrap_err();
    assert!(matches!(error, AuthError::Key(KeyError::NoPrivateKey)));

    let mut bad_rule = config(folder.path());
    bad_rule.session.allowed_origins = vec!["https://app.example.com/chat".to_owned()];
    let error = Auth::start(bad_rule).await.unwrap_err().to_string();
    assert!(error.contains("'https://app.example.com/chat'"), "{error}");

    let held = Auth::start(config(folder.path())).await.unwrap();
    let error = Auth::start(config(folder.path()))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sessions.redb") && error.contains("TIDEGATE_DATA"),
        "{error}"
    );
    let mode = folder
        .path()
        .join("sessions.redb")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "a session's id lets whoever reads it in");
    drop(held);
}

#[tokio::test]
async fn nothing_shown_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.trusted_secret = Some("a trusted secret, nobody's business".to_owned());
    let auth = Auth::start(config).await.unwrap();
    let session = auth.create_session("{}").await.unwrap();
    let document = auth.session(Some(&session.set_cookie)).await.unwrap();
    let shown = format!("{auth:?} {session:?} {document:?}");
    let key = std::fs::read_to_string(folder.path().join("keys.pem")).unwrap();
    for secret in [
        "nobody",
        "keyboard cat",
        &session.id,
        key.lines().nth(1).unwrap(),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(
        auth.origins().check(&HeaderMap::new()),
        OriginVerdict::Program
    );
}
