use std::time::Duration;

use tidegate_plugin::store::table;
use tidegate_plugin::testing::Fault;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn register(bed: &mut Bed, caller: Caller<'_>, name: &str) -> Result<Value, Error> {
    bed.call(caller, "chat.register", &json!({"name": name}))
}

fn logout(bed: &mut Bed, name: &str, session: &str) -> Result<Value, Error> {
    bed.call(over_http(name, session), "chat.logout", &json!({}))
}

#[test]
fn a_name_is_a_session() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    assert_eq!(
        bed.host.session(&session),
        Some(json!({"user": {"id": "ann", "scopes": ["user:read:chat", "user:write:chat"]}}))
    );
    let now = 1_767_225_600_000_u64;
    assert_eq!(
        bed.host.items("Users"),
        [json!({"UserName": "ann", "SessionId": session, "CreatedAt": now, "SeenAt": now})]
    );
}

#[test]
fn a_name_in_use_is_refused_with_a_friendly_word() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    let (code, message) = refused(bed.registers("ann"));
    assert_eq!(code, "name-taken");
    assert_eq!(message, "ann is taken. Please choose another name.");
    assert_eq!(bed.host.session("session-2"), None);
}

#[test]
fn whoever_has_the_name_gets_it_again() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    let again = register(&mut bed, over_http("ann", &session), " ann");
    assert_eq!(again, Ok(json!({"name": "ann"})));
    assert_eq!(bed.host.cookie(), None);
    // Another's session, and none, do not.
    let other = bed.registers("bob").expect("the name is free");
    for caller in [
        over_http("bob", &other),
        over_http("ann", "forged"),
        over_http("ann", ""),
    ] {
        assert!(register(&mut bed, caller, "ann").is_err());
    }
}

#[test]
fn one_session_has_one_name() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    let (code, message) = refused(register(&mut bed, over_http("ann", &session), "bob"));
    assert_eq!(code, "already-registered");
    assert!(message.contains("as ann"), "{message}");
    assert_eq!(bed.host.items("Users").len(), 1);
}

#[test]
fn registering_and_logging_out_need_http() {
    let mut bed = Bed::new();
    for method in ["chat.register", "chat.logout"] {
        let (code, _) = refused(bed.call(by("ann"), method, &json!({"name": "ann"})));
        assert_eq!(code, "needs-http");
    }
}

#[test]
fn logging_out_frees_the_name_and_keeps_the_messages() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    bed.sends("ann", "1", "hi").expect("sent");
    assert_eq!(logout(&mut bed, "ann", &session), Ok(json!({})));
    assert_eq!(bed.host.cookie(), Some(Cookie::Cleared));
    assert_eq!(bed.host.session(&session), None);
    assert!(bed.host.items("Users").is_empty());
    assert_eq!(bed.kept()[0]["UserName"], "ann");
    assert_eq!(
        logout(&mut bed, "ann", &session),
        Ok(json!({})),
        "again is no error"
    );
    assert_eq!(logout(&mut bed, "ann", ""), Ok(json!({})));
    bed.registers("ann").expect("it is free again");
}

/// Whatever the index and the subject say, it is the row of the session that goes.
#[test]
fn logging_out_takes_no_other_row() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    let bob = bed.registers("bob").expect("the name is free");
    logout(&mut bed, "ann", &bob).expect("bob is out");
    let users = bed.host.items("Users");
    assert_eq!(users.len(), 1);
    assert_eq!(users[0]["UserName"], "ann");
    logout(&mut bed, "ann", "forged").expect("nobody is out");
    assert_eq!(bed.host.items("Users").len(), 1);
}

#[test]
fn a_row_that_changes_meanwhile_is_deleted_all_the_same() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    let mut changes = 2;
    bed.host.watch(move |call| {
        if call.name == "store.delete" && changes > 0 {
            changes -= 1;
            let users = table("Users");
            let row = users.get::<Value>("ann").expect("read").expect("there");
            users.put(&row.value).expect("put");
        }
        None
    });
    logout(&mut bed, "ann", &session).expect("ann is out");
    assert!(bed.host.items("Users").is_empty());
}

#[test]
fn an_idle_name_may_be_taken_over() {
    let mut bed = Bed::new();
    let old = bed.registers("ann").expect("the name is free");
    bed.host.pass(30 * DAY - Duration::from_millis(1));
    assert_eq!(refused(bed.registers("ann")).0, "name-taken");
    bed.host.pass(Duration::from_millis(1));
    let new = bed.registers("ann").expect("it is idle");
    assert_eq!(bed.host.session(&old), None);
    assert!(bed.host.session(&new).is_some());
    assert_eq!(bed.host.items("Users")[0]["SessionId"], new.as_str());
    assert_eq!(refused(bed.registers("ann")).0, "name-taken");
}

#[test]
fn a_row_of_others_that_tells_no_time_is_not_idle() {
    let mut bed = Bed::new();
    let row = json!({"UserName": "ann", "SessionId": "theirs", "Town": "Ulm"});
    table("Users").put(&row).expect("put");
    bed.host.pass(1000 * DAY);
    assert_eq!(refused(bed.registers("ann")).0, "name-taken");
    bed.sends("ann", "1", "hi").expect("sent");
    let row = &bed.host.items("Users")[0];
    assert_eq!(row["Town"], "Ulm");
    assert!(row["SeenAt"].is_u64());
}

/// Two ask for a free, and for an idle, name at once: one gets it.
#[test]
fn two_at_once_do_not_get_one_name() {
    for idle in [false, true] {
        let mut bed = Bed::new();
        if idle {
            bed.registers("ann").expect("the name is free");
            bed.host.pass(31 * DAY);
        }
        let host = bed.host.clone();
        let mut other = started(&host, &shipped());
        let mut raced = false;
        bed.host.watch(move |watched| {
            if watched.name == "store.put" && !raced {
                raced = true;
                let params = json!({"name": "ann"});
                call(
                    &host,
                    &mut other,
                    over_http("", ""),
                    "chat.register",
                    &params,
                )
                .expect("the other is faster");
            }
            None
        });
        assert_eq!(refused(bed.registers("ann")).0, "name-taken");
        let users = bed.host.items("Users");
        assert_eq!(users.len(), 1);
        let session = users[0]["SessionId"].as_str().expect("a text");
        assert!(bed.host.session(session).is_some(), "it lives");
    }
}

/// At each host call, done or not: nobody is left with a session that has no name, and who tries
/// again gets in.
#[test]
fn registering_survives_failures() {
    for at in 0..6 {
        for done in [false, true] {
            let mut bed = Bed::new();
            let mut calls = 0;
            bed.host.watch(move |_| {
                calls += 1;
                (calls == at + 1).then(|| match done {
                    true => Fault::Unheard(unavailable()),
                    false => Fault::Undone(unavailable()),
                })
            });
            let first = bed.registers("ann");
            bed.host.watch_no_more();
            let users = bed.host.items("Users");
            match first {
                Ok(session) => assert_eq!(users[0]["SessionId"], session.as_str()),
                Err(error) => {
                    assert!(error.retryable, "{error}");
                    assert!(!error.message.contains("fire"), "for people: {error}");
                    // None is left of the failed one, not even a session nobody heard of.
                    assert!(users.is_empty());
                    bed.registers("ann").expect("the next one is in");
                }
            }
        }
    }
}

#[test]
fn logging_out_survives_failures() {
    for at in 0..6 {
        for done in [false, true] {
            let mut bed = Bed::new();
            let session = bed.registers("ann").expect("the name is free");
            let mut calls = 0;
            bed.host.watch(move |_| {
                calls += 1;
                (calls == at + 1).then(|| match done {
                    true => Fault::Unheard(unavailable()),
                    false => Fault::Undone(unavailable()),
                })
            });
            if let Err(error) = logout(&mut bed, "ann", &session) {
                assert!(error.retryable);
                bed.host.watch_no_more();
                logout(&mut bed, "ann", &session).expect("once more");
            }
            assert!(bed.host.items("Users").is_empty());
            assert_eq!(bed.host.session(&session), None);
        }
    }
}
