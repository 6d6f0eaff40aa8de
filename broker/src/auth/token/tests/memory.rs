//! What is remembered of tokens, and until when they are revoked.

use super::*;

fn principal(sid: &str, expires_at: u64) -> Arc<Principal> {
    Arc::new(Principal {
        subject: "u1".into(),
        expires_at,
        session_id: Some(sid.into()),
        ..Principal::default()
    })
}

fn revocations(life: u64) -> Arc<Revocations> {
    Arc::new(Revocations::new(life))
}

#[test]
fn a_token_is_remembered_until_it_expires() {
    let remembered = Remembered::new(100, revocations(900));
    assert!(remembered.insert("t", &principal("s", NOW + 10)));
    assert_eq!(remembered.get("t", NOW + 9), Some(principal("s", NOW + 10)));
    assert_eq!(remembered.get("other", NOW), None);
    assert_eq!(remembered.get("t", NOW + 10), None);
    assert_eq!(remembered.len(), 0);
}

#[test]
fn memory_is_bounded_and_keeps_what_is_used() {
    let remembered = Remembered::new(160, revocations(900));
    remembered.insert("used", &principal("s", NOW + 10));
    for token in 0..10_000 {
        remembered.insert(&token.to_string(), &principal("s", NOW + 10));
        assert!(remembered.get("used", NOW).is_some());
    }
    assert!(remembered.len() <= 160, "{}", remembered.len());
}

#[test]
fn a_revoked_session_takes_its_tokens_and_only_them() {
    let revocations = revocations(900);
    let remembered = Remembered::new(100, revocations.clone());
    for token in ["a1", "a2"] {
        remembered.insert(token, &principal("a", NOW + 800));
    }
    remembered.insert("b1", &principal("b", NOW + 800));
    revocations.add_session("a", NOW);
    assert_eq!(remembered.get("a1", NOW), None);
    assert_eq!(remembered.get("a2", NOW), None);
    assert!(remembered.get("b1", NOW).is_some());
    assert!(
        !remembered.insert("a3", &principal("a", NOW + 800)),
        "verified again"
    );
    assert_eq!(remembered.get("a3", NOW), None);
    assert!(remembered.insert("b2", &principal("b", NOW + 800)));
}

fn issued(subject: &str, issued_at: u64) -> Principal {
    Principal {
        subject: subject.into(),
        issued_at,
        ..Principal::default()
    }
}

#[test]
fn a_revoked_subject_comes_back_with_a_new_token() {
    let revocations = revocations(900);
    revocations.add_subject("u", NOW, NOW);
    assert!(revocations.covers(&issued("u", NOW)));
    assert!(revocations.covers(&issued("u", 0)), "who knows how old");
    assert!(!revocations.covers(&issued("u", NOW + 1)));
    assert!(!revocations.covers(&issued("v", NOW)));
    assert!(!revocations.covers(&Principal::default()), "anonymous");
    revocations.add_subject("u", NOW - 9, NOW + 1);
    assert!(
        revocations.covers(&issued("u", NOW)),
        "an older announcement takes nothing back"
    );
}

#[test]
fn a_revocation_is_kept_for_the_life_of_a_token() {
    let revocations = revocations(900);
    let covers = |sid: &str| revocations.covers(&principal(sid, NOW + 5_000));
    revocations.add_session("a", NOW);
    revocations.add_session("b", NOW + 899);
    assert!(covers("a"));
    revocations.add_session("c", NOW + 900);
    assert!(!covers("a"), "no token of it can be left");
    assert!(covers("b"));
    revocations.add_session("b", NOW + 1_000);
    revocations.add_session("d", NOW + 1_800);
    assert!(covers("b"), "renewed, it is kept for the longer time");
    revocations.add_session("d", NOW + 1_900);
    assert!(!covers("b"));
}
