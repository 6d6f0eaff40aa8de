#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use serde_json::Value;

use super::*;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/jose.json")).unwrap()
}

fn text(value: &Value) -> KeySource {
    KeySource::Pem(value.as_str().unwrap().to_owned())
}

fn load(sources: &[KeySource]) -> Result<KeySet, KeyError> {
    KeySet::load(sources, Path::new("/nonexistent"))
}

fn refusal(source: KeySource) -> String {
    load(&[source]).unwrap_err().to_string()
}

#[test]
fn each_made_key_is_read_back_and_shown_in_the_jwks() {
    for algorithm in [
        KeyAlgorithm::EdDsa,
        KeyAlgorithm::Es256,
        KeyAlgorithm::Rs256,
    ] {
        let pem = generate(algorithm).unwrap();
        assert!(
            pem.starts_with("-----BEGIN PRIVATE KEY-----\n"),
            "{algorithm}"
        );
        let keys = load(&[KeySource::Pem(pem)]).unwrap();
        let jwks: Value = serde_json::from_str(&keys.jwks_json()).unwrap();
        assert_eq!(jwks["keys"][0]["alg"], algorithm.to_string());
        assert_eq!(jwks["keys"][0]["use"], "sig");
        assert_eq!(jwks["keys"][0]["kid"], keys.signing().unwrap().public.kid());
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
        assert_eq!(jwks["keys"][0].get("d"), None);
    }
}

#[test]
fn algorithms_are_named_in_any_case() {
    assert_eq!("eddsa".parse(), Ok(KeyAlgorithm::EdDsa));
    assert_eq!("RS256".parse(), Ok(KeyAlgorithm::Rs256));
    let error = "HS256".parse::<KeyAlgorithm>().unwrap_err();
    assert_eq!(
        error,
        "unknown algorithm 'HS256', use one of EdDSA, ES256, RS256"
    );
}

/// RFC 7638 3.1 (RSA) and RFC 8037 A.3 (Ed25519).
#[test]
fn a_kid_is_the_thumbprint_of_the_rfcs() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc\
             _BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQ\
             R0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bF\
             TWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let n = URL_SAFE_NO_PAD.decode(n).unwrap();
    let rsa = VerifyingKey::rsa_components(&n, &[1, 0, 1], jsonwebtoken::Algorithm::RS256).unwrap();
    assert_eq!(rsa.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");

    let x = URL_SAFE_NO_PAD
        .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
        .unwrap();
    let ed = VerifyingKey::ed25519(&x).unwrap();
    assert_eq!(ed.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn keys_of_other_tools_are_read_in_all_their_forms() {
    let vectors = vectors();
    for (alg, key) in vectors["keys"].as_object().unwrap() {
        for form in ["pkcs8", "spki", "old"] {
            if key[form].is_null() {
                continue;
            }
            let keys = load(&[text(&key[form])]).unwrap();
            assert_eq!(
                keys.kids().collect::<Vec<_>>(),
                [key["kid"].as_str().unwrap()],
                "{alg} {form}"
            );
            assert_eq!(keys.signing().is_ok(), form != "spki", "{alg} {form}");
            let jwks: Value = serde_json::from_str(&keys.jwks_json()).unwrap();
            for (member, value) in key["jwk"].as_object().unwrap() {
                assert_eq!(&jwks["keys"][0][member], value, "{alg} {form}");
            }
        }
    }
}

#[test]
fn the_curve_that_openssl_writes_first_is_passed_over() {
    let sec1 = vectors()["keys"]["ES256"]["old"]
        .as_str()
        .unwrap()
        .to_owned();
    let curve = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let keys = load(&[KeySource::Pem(curve.to_owned() + &sec1)]).unwrap();
    assert_eq!(keys.kids().count(), 1);
}

#[test]
fn the_first_private_key_signs_and_all_verify() {
    let vectors = vectors();
    let keys = &vectors["keys"];
    let several = format!(
        "{}\n{}",
        keys["EdDSA"]["pkcs8"].as_str().unwrap(),
        keys["EdDSA"]["spki"].as_str().unwrap()
    );
    let set = load(&[
        text(&keys["ES256"]["spki"]),
        KeySource::Pem(several),
        text(&keys["RS256"]["pkcs8"]),
    ]);
    let set = set.unwrap();
    assert_eq!(set.signing().unwrap().public.kid(), keys["EdDSA"]["kid"]);
    let expected = [
        &keys["ES256"]["kid"],
        &keys["EdDSA"]["kid"],
        &keys["RS256"]["kid"],
    ];
    assert_eq!(set.kids().collect::<Vec<_>>(), expected);
}

#[test]
fn a_key_from_the_environment_may_have_its_line_ends_escaped() {
    let vectors = vectors();
    let folded = vectors["keys"]["EdDSA"]["pkcs8"]
        .as_str()
        .unwrap()
        .replace('\n', "\\n");
    let keys = load(&[KeySource::Pem(folded)]).unwrap();
    assert_eq!(
        keys.kids().collect::<Vec<_>>(),
        [vectors["keys"]["EdDSA"]["kid"].as_str().unwrap()]
    );
}

#[test]
fn what_is_no_usable_key_is_refused_by_place_and_cause() {
    let vectors = vectors();
    assert_eq!(
        refusal(KeySource::Pem("hello".to_owned())),
        "key 1: holds no PEM key"
    );
    assert_eq!(
        refusal(text(&vectors["encrypted"])),
        "key 1: the key is encrypted, decrypt it first"
    );
    let other = "key 1: not an Ed25519, P-256, P-384 or RSA (2048 to 8192 bits) public key";
    assert_eq!(refusal(text(&vectors["secp256k1"])), other);
    assert_eq!(refusal(text(&vectors["rsa1024"])), other);
    let missing = KeySource::File("/nonexistent/key.pem".into());
    assert_eq!(refusal(missing), "cannot read /nonexistent/key.pem");
    let public_only = load(&[text(&vectors["keys"]["ES256"]["spki"])]).unwrap();
    assert!(matches!(public_only.signing(), Err(KeyError::NoPrivateKey)));
}

#[test]
fn a_trusted_private_key_is_refused() {
    let vectors = vectors();
    let error = load_trusted(&[text(&vectors["keys"]["ES256"]["pkcs8"])], None)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "trusted key 1: a trusted key must be public, this one is private"
    );
}

#[test]
fn nothing_shown_holds_key_material() {
    let pem = generate(KeyAlgorithm::EdDsa).unwrap();
    let secret = pem.lines().nth(1).unwrap().to_owned();
    let keys = load(&[KeySource::Pem(pem.clone())]).unwrap();
    assert!(!format!("{keys:?}").contains(&secret));
    let broken = pem.replace("PRIVATE KEY", "PRIVATE THING");
    let error = load(&[KeySource::Pem(broken)]).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(&secret));
}

#[test]
fn starts_at_the_same_time_end_with_one_key() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let barrier = Barrier::new(8);
        let kids: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let keys = KeySet::load(&[], &data).unwrap();
                        keys.signing().unwrap().public.kid().to_owned()
                    })
                })
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap())
                .collect()
        });
        assert!(kids.iter().all(|kid| *kid == kids[0]), "{kids:?}");
        let files: Vec<_> = std::fs::read_dir(&data).unwrap().collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let mode = files[0]
            .as_ref()
            .unwrap()
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_key_file_that_cannot_be_read_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEYS_FILE);
    std::fs::write(&path, "torn").unwrap();
    let error = KeySet::load(&[], folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: holds no PEM key", path.display())
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "torn");
}

#[test]
fn a_key_is_never_saved_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("key.pem");
    save(&path, "first").unwrap();
    let error = save(&path, "second").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot write {}", path.display())
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
}
