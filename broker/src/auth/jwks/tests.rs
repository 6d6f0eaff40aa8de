#![allow(clippy::unwrap_used)]

mod issuer;

use serde_json::{Value, json};

use super::*;
use crate::auth::tests::until;
use issuer::{Answer, Issuer};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/jose.json")).unwrap()
}

/// The public keys of npm's jose, each with the `kid` given.
fn jwks(keys: &[(&str, &str)]) -> Answer {
    let vectors = vectors();
    let keys = keys.iter().map(|(alg, kid)| {
        let mut jwk = vectors["keys"][alg]["jwk"].clone();
        jwk["kid"] = json!(kid);
        jwk["alg"] = json!(alg);
        jwk
    });
    Answer::Json(json!({ "keys": keys.collect::<Vec<_>>() }).to_string())
}

fn remote(issuer: &Issuer) -> Arc<RemoteKeys> {
    Arc::new(RemoteKeys::new(issuer.url()).unwrap())
}

async fn find(remote: &Arc<RemoteKeys>, kid: &str) -> Result<usize, Unavailable> {
    remote
        .find(Some(kid), Algorithm::ES256)
        .await
        .map(|keys| keys.len())
}

/// The clock goes on by `time` and then runs as before; sockets need it running.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_key_is_fetched_once_and_then_known() {
    let issuer = Issuer::start(jwks(&[("ES256", "a"), ("EdDSA", "b")])).await;
    let remote = remote(&issuer);
    assert_eq!(find(&remote, "a").await, Ok(1));
    assert_eq!(find(&remote, "a").await, Ok(1));
    assert_eq!(
        find(&remote, "b").await,
        Ok(0),
        "known, with another algorithm"
    );
    assert_eq!(remote.find(None, Algorithm::EdDSA).await.unwrap().len(), 1);
    assert_eq!(issuer.hits(), 1);
}

#[tokio::test]
async fn a_crowd_that_asks_at_once_makes_one_fetch() {
    let issuer = Issuer::start(jwks(&[("ES256", "a")])).await;
    let remote = remote(&issuer);
    let crowd: Vec<_> = (0..100)
        .map(|i| {
            let remote = remote.clone();
            tokio::spawn(async move { find(&remote, if i % 2 == 0 { "a" } else { "b" }).await })
        })
        .collect();
    for (i, one) in crowd.into_iter().enumerate() {
        assert_eq!(one.await.unwrap(), Ok(if i % 2 == 0 { 1 } else { 0 }));
    }
    assert_eq!(issuer.hits(), 1);
}

#[tokio::test]
async fn unknown_kids_make_a_fetch_every_ten_seconds_at_most() {
    let issuer = Issuer::start(jwks(&[("ES256", "a")])).await;
    let remote = remote(&issuer);
    assert_eq!(find(&remote, "a").await, Ok(1));
    issuer.answer(jwks(&[("ES256", "a"), ("ES256", "new")]));
    for _ in 0..50 {
        assert_eq!(find(&remote, "new").await, Ok(0));
    }
    assert_eq!(issuer.hits(), 1);
    later(FETCH_INTERVAL).await;
    assert_eq!(find(&remote, "new").await, Ok(1));
    assert_eq!(find(&remote, "made-up").await, Ok(0));
    assert_eq!(issuer.hits(), 2);
}

#[tokio::test]
async fn known_keys_stay_in_use_while_the_issuer_fails() {
    let issuer = Issuer::start(jwks(&[("ES256", "a")])).await;
    let remote = remote(&issuer);
    assert_eq!(find(&remote, "a").await, Ok(1));
    let failures = [
        Answer::Status(500),
        Answer::Json("<html>".to_owned()),
        Answer::Json(format!(
            r#"{{"keys":[],"pad":"{}"}}"#,
            "x".repeat(DOCUMENT_BYTES_MAX)
        )),
        Answer::Endless,
        Answer::Close,
    ];
    for failure in failures {
        issuer.answer(failure);
        later(FETCH_INTERVAL).await;
        let hits = issuer.hits();
        assert_eq!(
            find(&remote, "b").await,
            Err(Unavailable),
            "it may be a new key"
        );
        assert!(issuer.hits() > hits);
        assert_eq!(find(&remote, "a").await, Ok(1));
    }
    issuer.answer(jwks(&[("ES256", "b")]));
    later(FETCH_INTERVAL).await;
    assert_eq!(find(&remote, "b").await, Ok(1));
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up() {
    let issuer = Issuer::start(Answer::Hang).await;
    let remote = remote(&issuer);
    let asking = {
        let remote = remote.clone();
        tokio::spawn(async move { find(&remote, "a").await })
    };
    until("the request arrives", || issuer.hits() == 1).await;
    later(FETCH_TIMEOUT).await;
    assert_eq!(asking.await.unwrap(), Err(Unavailable));
}

#[tokio::test]
async fn old_keys_are_used_while_they_are_fetched_again() {
    let issuer = Issuer::start(jwks(&[("ES256", "a")])).await;
    let remote = remote(&issuer);
    assert_eq!(find(&remote, "a").await, Ok(1));
    issuer.answer(jwks(&[("ES256", "b")]));
    later(FRESH_FOR).await;
    assert_eq!(find(&remote, "a").await, Ok(1));
    until("the withdrawn key goes", || {
        remote.known(Some("a"), Algorithm::ES256).is_none()
    })
    .await;
    assert_eq!(find(&remote, "b").await, Ok(1));
    assert_eq!(issuer.hits(), 2);
}

#[test]
fn keys_that_cannot_be_used_are_left_out() {
    let vectors = vectors();
    let jwk = |alg: &str| vectors["keys"][alg]["jwk"].clone();
    let with = |mut jwk: Value, name: &str, value: Value| {
        jwk[name] = value;
        jwk
    };
    let document = json!({"keys": [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA", "kid": "agreement"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
        "a string",
        with(jwk("ES256"), "use", json!("enc")),
        with(jwk("ES256"), "alg", json!("HS256")),
        with(jwk("ES256"), "x", json!("AAAA")),
        with(jwk("ES256"), "y", jwk("ES256")["x"].clone()),
        with(jwk("RS256"), "alg", json!("RSA-OAEP")),
        with(jwk("RS256"), "n", json!("AQAB")),
        with(jwk("ES256"), "kid", json!("good")),
        with(jwk("RS256"), "alg", json!("PS512")),
        jwk("EdDSA"),
        with(jwk("RS256"), "n", json!(format!("AAAA{}", jwk("RS256")["n"].as_str().unwrap()))),
    ]});
    let keys = document::keys(document.to_string().as_bytes()).unwrap();
    let algorithms: Vec<_> = keys.iter().map(|key| key.key.algorithm()).collect();
    assert_eq!(
        algorithms,
        [
            Algorithm::ES256,
            Algorithm::PS512,
            Algorithm::EdDSA,
            Algorithm::RS256
        ]
    );
    assert!(keys[0].answers_to(Some("good")) && !keys[0].answers_to(Some("bad")));
    assert!(keys[2].answers_to(Some("any")));
    assert_eq!(
        keys[3].key.kid(),
        vectors["keys"]["RS256"]["kid"],
        "without its leading zeros"
    );
}

#[tokio::test]
async fn tokens_of_a_remote_issuer_are_verified() {
    use crate::auth::{Auth, TokenError, tests::config};
    let vectors = vectors();
    let keys = vectors["keys"].as_object().unwrap();
    let named: Vec<_> = keys
        .iter()
        .map(|(alg, key)| (&**alg, key["kid"].as_str().unwrap()))
        .collect();
    let issuer = Issuer::start(jwks(&named[1..])).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.jwks_url = Some(issuer.url());
    config.foreign_issuer = Some("https://issuer.test".to_owned());
    config.foreign_audience = Some("edge".to_owned());
    let auth = Auth::start(config.clone()).await.unwrap();
    for (alg, _) in &named[1..] {
        let token = keys[*alg]["token"].as_str().unwrap();
        assert_eq!(&*auth.verify(token).await.unwrap().subject, "u1", "{alg}");
    }
    let unknown = keys[named[0].0]["token"].as_str().unwrap();
    assert_eq!(auth.verify(unknown).await, Err(TokenError::UnknownKey));
    let own = auth.mint(&crate::auth::Claims {
        subject: "me".to_owned(),
        ..Default::default()
    });
    assert!(auth.verify(&own.unwrap()).await.is_ok());
    drop(auth);

    config.foreign_audience = Some("another".to_owned());
    let auth = Auth::start(config).await.unwrap();
    let token = keys[named[1].0]["token"].as_str().unwrap();
    assert_eq!(auth.verify(token).await, Err(TokenError::WrongAudience));
}

#[test]
fn a_credential_in_the_url_is_never_shown() {
    let url = "http://user:hunter2@127.0.0.1:1/jwks?key=hunter2"
        .parse()
        .unwrap();
    let remote = RemoteKeys::new(url).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(remote.fetch()).err().unwrap();
    let shown = format!("{remote:?} {error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
