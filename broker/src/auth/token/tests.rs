#![allow(clippy::unwrap_used)]

mod memory;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::auth::keys::{KeyAlgorithm, KeySet, generate, load_trusted};
use crate::auth::{KeySource, Principal};

const NOW: u64 = 1_800_000_000;
const SECRET: &str = "a shared secret of a fair length";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/jose.json")).unwrap()
}

fn source(value: &Value) -> KeySource {
    KeySource::Pem(value.as_str().unwrap().to_owned())
}

fn keys(algorithm: KeyAlgorithm) -> Arc<KeySet> {
    let pem = KeySource::Pem(generate(algorithm).unwrap());
    Arc::new(KeySet::load(&[pem], Path::new("/nonexistent")).unwrap())
}

fn rules(issuer: Option<&str>, audience: Option<&str>) -> Rules {
    Rules {
        issuer: issuer.map(str::to_owned),
        audience: audience.map(str::to_owned),
        leeway: 30,
    }
}

fn verifier(own: &Arc<KeySet>, trusted: &[KeySource], secret: Option<&str>) -> Verifier {
    let own_rules = rules(Some("tidegate"), Some("edge"));
    let foreign_rules = rules(Some("https://issuer.test"), Some("edge"));
    let trusted = load_trusted(trusted, secret).unwrap();
    Verifier::new(own.clone(), trusted, own_rules, foreign_rules)
}

fn verdict(verifier: &Verifier, token: &str, now: u64) -> Result<Principal, TokenError> {
    match verifier.check(token, now) {
        Checked::Valid(principal) => Ok(principal),
        Checked::Refused(error) => Err(error),
        Checked::Elsewhere(wanted) => Err(wanted.otherwise),
    }
}

/// A token of our own key with claims of our choice; `null` takes a claim out.
fn signed(keys: &KeySet, changes: Value) -> String {
    let mut claims = json!({
        "iss": "tidegate", "aud": "edge", "sub": "u1", "exp": NOW + 60, "scope": "a b",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let signing = keys.signing().unwrap();
    let mut header = Header::new(signing.public.algorithm());
    header.kid = Some(signing.public.kid().to_owned());
    jsonwebtoken::encode(&header, &claims, &signing.encoding).unwrap()
}

fn mint(keys: &Arc<KeySet>) -> Mint {
    let folder = Path::new("/nonexistent");
    Mint::new(keys.clone(), &crate::auth::tests::config(folder))
}

#[test]
fn a_minted_token_is_verified_by_every_node_with_the_key() {
    for algorithm in [
        KeyAlgorithm::EdDsa,
        KeyAlgorithm::Es256,
        KeyAlgorithm::Rs256,
    ] {
        let keys = keys(algorithm);
        let claims = Claims {
            subject: "u1".to_owned(),
            scopes: vec!["user:read:chat".to_owned(), "chat:write".to_owned()],
            session_id: Some("s1".to_owned()),
            ttl: Duration::from_secs(60),
        };
        let token = mint(&keys).mint_at(&claims, NOW).unwrap();
        let principal = verdict(&verifier(&keys, &[], None), &token, NOW).unwrap();
        let expected = Principal {
            subject: "u1".into(),
            scopes: "user:read:chat chat:write".into(),
            expires_at: NOW + 60 + 30,
            issued_at: NOW,
            session_id: Some("s1".into()),
        };
        assert_eq!(principal, expected, "{algorithm}");
    }
}

#[test]
fn a_token_of_a_session_lives_no_longer_than_its_revocation_is_kept() {
    let keys = keys(KeyAlgorithm::EdDsa);
    let mut claims = Claims {
        subject: "u1".to_owned(),
        ttl: Duration::from_secs(86_400),
        ..Claims::default()
    };
    let life = |claims: &Claims| {
        let token = mint(&keys).mint_at(claims, NOW).unwrap();
        verdict(&verifier(&keys, &[], None), &token, NOW)
            .unwrap()
            .expires_at
            - NOW
            - 30
    };
    assert_eq!(life(&claims), 86_400);
    claims.session_id = Some("s1".to_owned());
    assert_eq!(life(&claims), 900);
}

#[test]
fn tokens_of_npm_jose_are_verified_by_their_public_key() {
    let vectors = vectors();
    let own = keys(KeyAlgorithm::EdDsa);
    let expected = Principal {
        subject: "u1".into(),
        scopes: "user:read:chat chat:write".into(),
        expires_at: 4_102_444_830,
        issued_at: 1_700_000_000,
        session_id: Some("s1".into()),
    };
    let mut sources: Vec<KeySource> = Vec::new();
    for (alg, key) in vectors["keys"].as_object().unwrap() {
        let token = key["token"].as_str().unwrap();
        // A PEM does not say which RSA algorithm its issuer uses.
        if alg == "PS256" {
            let verifier = verifier(&own, &[source(&key["spki"])], None);
            assert_eq!(verdict(&verifier, token, NOW), Err(TokenError::UnknownKey));
            continue;
        }
        let only = verifier(&own, &[source(&key["spki"])], None);
        assert_eq!(verdict(&only, token, NOW).as_ref(), Ok(&expected), "{alg}");
        sources.push(source(&key["spki"]));
    }
    let all = verifier(&own, &sources, Some(SECRET));
    for (_, key) in vectors["keys"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(alg, _)| *alg != "PS256")
    {
        assert_eq!(
            verdict(&all, key["token"].as_str().unwrap(), NOW).as_ref(),
            Ok(&expected)
        );
    }
}

#[test]
fn a_token_of_npm_jsonwebtoken_is_verified_by_the_shared_secret() {
    let own = keys(KeyAlgorithm::EdDsa);
    let vectors = vectors();
    let token = vectors["hs256"].as_str().unwrap();
    let trusted = |secret| load_trusted(&[], Some(secret)).unwrap();
    let with = |secret| {
        Verifier::new(
            own.clone(),
            trusted(secret),
            rules(None, None),
            rules(None, None),
        )
    };
    let principal = verdict(&with(SECRET), token, NOW).unwrap();
    assert_eq!((&*principal.subject, &*principal.scopes), ("u1", "a b"));
    assert_eq!(
        verdict(&with("another"), token, NOW),
        Err(TokenError::BadSignature)
    );
    assert_eq!(
        verdict(&verifier(&own, &[], None), token, NOW),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn claims_decide_here_and_now() {
    let keys = keys(KeyAlgorithm::EdDsa);
    let verifier = verifier(&keys, &[], None);
    let check = |changes, now| verdict(&verifier, &signed(&keys, changes), now).map(|_| ());
    for (changes, now, expected) in [
        (json!({}), NOW, Ok(())),
        (json!({}), NOW + 89, Ok(())),
        (json!({}), NOW + 90, Err(TokenError::Expired)),
        (json!({"exp": null}), NOW, Err(TokenError::NoExpiry)),
        (json!({"exp": "soon"}), NOW, Err(TokenError::Malformed)),
        (json!({"exp": -1}), NOW, Err(TokenError::Malformed)),
        (json!({"exp": 1.0e300}), NOW, Ok(())),
        (json!({"exp": 1_800_000_000.9}), NOW + 29, Ok(())),
        (json!({"nbf": NOW + 30}), NOW, Ok(())),
        (json!({"nbf": NOW + 31}), NOW, Err(TokenError::NotYetValid)),
        (json!({"iss": "other"}), NOW, Err(TokenError::WrongIssuer)),
        (json!({"iss": null}), NOW, Err(TokenError::WrongIssuer)),
        (json!({"aud": "other"}), NOW, Err(TokenError::WrongAudience)),
        (json!({"aud": ["other", "edge"]}), NOW, Ok(())),
        (json!({"aud": []}), NOW, Err(TokenError::WrongAudience)),
        (json!({"aud": null}), NOW, Err(TokenError::WrongAudience)),
        (json!({"sub": ""}), NOW, Err(TokenError::NoSubject)),
        (json!({"sub": null}), NOW, Err(TokenError::NoSubject)),
        (json!({"sub": {"id": 1}}), NOW, Err(TokenError::Malformed)),
    ] {
        assert_eq!(check(changes.clone(), now), expected, "{changes} at {now}");
    }
}

#[test]
fn scopes_and_subjects_are_read_in_the_forms_that_issuers_write() {
    let keys = keys(KeyAlgorithm::EdDsa);
    let verifier = verifier(&keys, &[], None);
    let read = |changes| verdict(&verifier, &signed(&keys, changes), NOW).unwrap();
    let scopes = |changes| read(changes).scopes;
    assert_eq!(&*scopes(json!({"scope": " a\t b  "})), "a b");
    assert_eq!(&*scopes(json!({"scope": null})), "");
    assert_eq!(
        &*scopes(json!({"scope": null, "scopes": ["a", "b"]})),
        "a b"
    );
    assert_eq!(&*scopes(json!({"scope": null, "scp": ["a"]})), "a");
    assert_eq!(&*scopes(json!({"scope": null, "scp": "a b"})), "a b");
    assert_eq!(&*read(json!({"sub": 42})).subject, "42");
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    let vectors = vectors();
    let rsa = &vectors["keys"]["RS256"];
    let own = Arc::new(KeySet::load(&[source(&rsa["pkcs8"])], Path::new("/nonexistent")).unwrap());
    let claims = json!({"iss": "tidegate", "aud": "edge", "sub": "u1", "exp": NOW + 60});
    // The classic: the public key, which everybody has, taken for an HMAC secret.
    let public = EncodingKey::from_secret(rsa["spki"].as_str().unwrap().as_bytes());
    let private = &own.signing().unwrap().encoding;
    for (algorithm, key) in [
        (Algorithm::HS256, &public),
        (Algorithm::PS256, private),
        (Algorithm::RS512, private),
    ] {
        for kid in [None, rsa["kid"].as_str().map(str::to_owned)] {
            let mut header = Header::new(algorithm);
            header.kid = kid;
            let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
            for secret in [None, Some(SECRET)] {
                let result = verdict(&verifier(&own, &[], secret), &token, NOW);
                assert!(
                    matches!(
                        result,
                        Err(TokenError::BadSignature | TokenError::UnknownKey)
                    ),
                    "{algorithm:?} {result:?}"
                );
            }
        }
    }
}

#[test]
fn a_token_that_is_not_signed_or_asks_for_the_unknown_is_malformed() {
    let keys = keys(KeyAlgorithm::EdDsa);
    let verifier = verifier(&keys, &[], None);
    let token = signed(&keys, json!({}));
    let (_, rest) = token.split_once('.').unwrap();
    let with_header = |header: Value| {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    let kid = keys.signing().unwrap().public.kid().to_owned();
    let claims = rest.split_once('.').unwrap().0;
    for bad in [
        String::new(),
        "..".to_owned(),
        token.replace('.', ""),
        format!("{token}."),
        with_header(json!({"alg": "none", "kid": kid})),
        with_header(json!({"alg": "EdDSA", "kid": kid, "crit": ["b64"]})),
        with_header(json!({"kid": kid})),
        format!("{}.{claims}.{}", "e30", "A".repeat(TOKEN_BYTES_MAX)),
    ] {
        assert_eq!(
            verdict(&verifier, &bad, NOW),
            Err(TokenError::Malformed),
            "{bad}"
        );
    }
}

#[test]
fn rotated_keys_still_verify() {
    let (old, new) = (
        generate(KeyAlgorithm::EdDsa).unwrap(),
        generate(KeyAlgorithm::EdDsa).unwrap(),
    );
    let set = |pems: &[&String]| {
        let sources: Vec<_> = pems
            .iter()
            .map(|pem| KeySource::Pem((*pem).clone()))
            .collect();
        Arc::new(KeySet::load(&sources, Path::new("/nonexistent")).unwrap())
    };
    let token = signed(&set(&[&old]), json!({}));
    assert!(verdict(&verifier(&set(&[&new, &old]), &[], None), &token, NOW).is_ok());
    let gone = verdict(&verifier(&set(&[&new]), &[], None), &token, NOW);
    assert_eq!(gone, Err(TokenError::UnknownKey));
}

#[test]
fn a_foreign_key_does_not_make_own_tokens() {
    let vectors = vectors();
    let own = keys(KeyAlgorithm::EdDsa);
    let foreign = Arc::new(
        KeySet::load(
            &[source(&vectors["keys"]["ES256"]["pkcs8"])],
            Path::new("/nonexistent"),
        )
        .unwrap(),
    );
    let token = signed(&foreign, json!({}));
    let verifier = verifier(&own, &[source(&vectors["keys"]["ES256"]["spki"])], None);
    assert_eq!(
        verdict(&verifier, &token, NOW),
        Err(TokenError::WrongIssuer)
    );
}

fn test_keys() -> &'static Arc<KeySet> {
    static KEYS: std::sync::OnceLock<Arc<KeySet>> = std::sync::OnceLock::new();
    KEYS.get_or_init(|| keys(KeyAlgorithm::EdDsa))
}

proptest! {
    #[test]
    fn no_changed_token_is_taken(at in 0.., byte in "[A-Za-z0-9_.-]") {
        let keys = test_keys();
        let verifier = verifier(keys, &[], None);
        let token = signed(keys, json!({}));
        let at = at as usize % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &byte);
        prop_assume!(changed != token);
        prop_assert!(verdict(&verifier, &changed, NOW).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(token in "\\PC{0,60}|[A-Za-z0-9_=-]{0,20}(\\.[A-Za-z0-9_=-]{0,20}){0,4}") {
        let verifier = verifier(test_keys(), &[], Some(SECRET));
        prop_assert!(verdict(&verifier, &token, NOW).is_err());
    }
}
