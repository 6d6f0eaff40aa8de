//! The import `sessions`: whose cookie changes, and what becomes of a session when its call fails.

use serde_json::{Value, json};

use super::called::{anonymous, bed, steps, value};
use super::*;

/// Over HTTP, with the cookie of the session `own`.
fn caller(own: Option<&str>) -> Caller {
    Caller {
        session_id: own.map(Into::into),
        ..anonymous(Transport::Http)
    }
}

fn over_http(bed: &Bed, io: &IoPlugins, told: &Value, own: Option<&str>) -> Called {
    bed.called(io, steps(told, caller(own)))
}

fn sessions(bed: &Bed) -> Vec<String> {
    bed.world.seen().sessions.keys().cloned().collect()
}

#[test]
fn a_session_is_created_with_its_cookie() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let told = json!([{"create": {"user": {"id": "ann"}}}]);
    let called = over_http(&bed, &io, &told, None);
    assert_eq!(called.cookie, CookieChange::Set("sid=s1".into()));
    assert_eq!(value(called), json!(["s1"]));
    let document = bed.world.seen().sessions["s1"].clone();
    assert_eq!(document, r#"{"user":{"id":"ann"}}"#);
}

#[test]
fn a_later_session_takes_the_place_of_an_earlier_one() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let told = json!([{"create": {}}, {"create": {}}]);
    let called = over_http(&bed, &io, &told, None);
    assert_eq!(called.cookie, CookieChange::Set("sid=s2".into()));
    until("the first is gone", || sessions(&bed) == ["s2"]);
}

#[test]
fn a_session_of_a_call_that_fails_is_removed_again() {
    let (mut bed, _users) = bed();
    bed.config.burst = 100;
    let (_host, io) = bed.io();
    for last in [
        json!("trap"),
        json!("spin"),
        json!({"fail": {"code": "no"}}),
    ] {
        let called = over_http(&bed, &io, &json!([{"create": {}}, last]), None);
        assert!(called.outcome.is_err());
        assert_eq!(called.cookie, CookieChange::Keep, "{last}");
        until("it is gone", || sessions(&bed).is_empty());
    }
    assert_eq!(bed.world.seen().destroyed, ["s1", "s2", "s3"]);
}

#[test]
fn a_session_of_a_caller_that_leaves_is_removed_again() {
    let (bed, users) = bed();
    let (_host, io) = bed.io();
    let slow = json!({"fetch": format!("{}/slow", users.url())});
    let told = json!([{"create": {}}, slow]);
    let asked = steps(&told, caller(None));
    let left = {
        let io = io.clone();
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    until("it waits", || users.asked() == 1);
    assert_eq!(sessions(&bed), ["s1"]);
    left.abort();
    until("the caller has left", || left.is_finished());
    users.open();
    until("it is gone", || sessions(&bed).is_empty());
}

#[test]
fn a_session_that_comes_too_late_is_removed_again() {
    let (mut bed, _users) = bed();
    bed.config.handler_limits.deadline = Duration::from_millis(400);
    let (_host, io) = bed.io();
    bed.world.set_open(false);
    let called = over_http(&bed, &io, &json!([{"create": {}}]), None);
    assert_eq!(called.cookie, CookieChange::Keep);
    let late = json!([{"error": "unavailable", "retryable": true}]);
    assert_eq!(value(called), late);
    assert_eq!(bed.world.seen().asked, 1);
    bed.world.set_open(true);
    until("it is gone", || bed.world.seen().destroyed == ["s1"]);
    assert!(sessions(&bed).is_empty());
}

#[test]
fn the_callers_own_session_takes_its_cookie_along() {
    let (mut bed, _users) = bed();
    bed.config.burst = 100;
    let (_host, io) = bed.io();
    let destroy = |id: &str| json!({"destroy": id});
    let other = over_http(&bed, &io, &json!([destroy("other")]), Some("own"));
    assert_eq!(other.cookie, CookieChange::Keep);
    let own = over_http(&bed, &io, &json!([destroy("own")]), Some("own"));
    assert_eq!(own.cookie, CookieChange::Clear);
    let failed = json!([destroy("own"), "trap"]);
    let failed = over_http(&bed, &io, &failed, Some("own"));
    assert!(failed.outcome.is_err());
    assert_eq!(
        failed.cookie,
        CookieChange::Clear,
        "it is gone all the same"
    );
    let anew = json!([destroy("own"), {"create": {}}]);
    let anew = over_http(&bed, &io, &anew, Some("own"));
    assert_eq!(anew.cookie, CookieChange::Set("sid=s1".into()));
    let both = json!([{"create": {}}, destroy("s2")]);
    let both = over_http(&bed, &io, &both, None);
    assert_eq!(both.cookie, CookieChange::Keep, "created and destroyed");
    assert_eq!(
        bed.world.seen().destroyed,
        ["other", "own", "own", "own", "s2"]
    );
}

#[test]
fn a_session_that_stays_keeps_its_cookie() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let away = json!({"error": "unavailable", "retryable": true});
    bed.world.seen().sessions_stay = true;
    let own = over_http(&bed, &io, &json!([{"destroy": "own"}]), Some("own"));
    assert_eq!(own.cookie, CookieChange::Keep, "it may be tried again");
    assert_eq!(value(own), json!([away]));
    let both = json!([{"create": {}}, {"destroy": "s1"}]);
    let both = over_http(&bed, &io, &both, None);
    assert_eq!(both.cookie, CookieChange::Set("sid=s1".into()));
    bed.world.seen().sessions_stay = false;
    let own = over_http(&bed, &io, &json!([{"destroy": "own"}]), Some("own"));
    assert_eq!(own.cookie, CookieChange::Clear);
}

#[test]
fn sessions_need_an_answer_that_carries_a_cookie() {
    let (bed, _users) = bed();
    let (_host, io) = bed.io();
    let told = json!([{"create": {}}, {"destroy": "s"}]);
    let without = Caller {
        takes_cookies: false,
        ..anonymous(Transport::Http)
    };
    let websocket = anonymous(Transport::WebSocket);
    for caller in [websocket, anonymous(Transport::SocketIo), without] {
        let refusal = json!({"error": "needs-http", "retryable": false});
        let called = bed.called(&io, steps(&told, caller));
        assert_eq!(value(called), json!([refusal, refusal]));
    }
    assert_eq!(bed.world.seen().asked, 0);
    assert!(bed.world.seen().destroyed.is_empty());
}
