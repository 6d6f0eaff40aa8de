//! Methods of plugins: who answers, what they are told, and what happens when they do not.

use serde_json::json;

use super::called::{anonymous, bed, call, steps, unavailable, value, waits};
use super::users::Users;
use super::*;

#[test]
fn a_method_answers_json_and_hears_who_asks() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    let params = json!({"a": ["é", 1.5, null]});
    let echo = call("guest.echo", &params, anonymous(Transport::SocketIo));
    assert_eq!(value(bed.called(&io, echo)), params);
    let without = Call {
        params: None,
        ..call("guest.echo", &params, anonymous(Transport::WebSocket))
    };
    assert_eq!(value(bed.called(&io, without)), json!(null));
    let caller = Caller {
        subject: "ann".into(),
        scopes: "a b".into(),
        transport: Transport::Http,
        session_id: Some("s0".into()),
        takes_cookies: true,
    };
    let called = bed.called(&io, call("guest.who", &json!(null), caller));
    assert_eq!(called.cookie, CookieChange::Keep);
    assert_eq!(
        value(called),
        json!({"subject": "ann", "scopes": "a b", "transport": "http", "session": "s0"})
    );
    let nobody = call("guest.who", &json!(null), anonymous(Transport::WebSocket));
    assert_eq!(
        value(bed.called(&io, nobody)),
        json!({"subject": null, "scopes": "", "transport": "websocket", "session": null})
    );
    assert_eq!(status(&host).calls, 4);
}

#[test]
fn an_error_is_the_plugins_own() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    let fail = json!([{"fail": {"code": "name-taken", "message": "choose", "retryable": true}}]);
    let refusal = bed.fails(&io, &fail);
    assert_eq!(
        (&*refusal.code, &*refusal.message, refusal.retryable),
        ("name-taken", "choose", true)
    );
    let unknown = call("guest.no", &json!(null), anonymous(Transport::WebSocket));
    let unknown = bed.called(&io, unknown).outcome.expect_err("its own");
    assert_eq!(unknown.code, "unknown-method");
    assert_eq!(status(&host).traps, 0, "an error is an answer");
    assert_eq!(status(&host).malformed, 0);
}

#[test]
fn a_method_is_found_by_the_name_before_the_dot() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    let long = "x".repeat(10_000);
    for method in [
        "",
        ".",
        "guest",
        "guests.do",
        "Guest.do",
        " guest.do",
        &long,
    ] {
        let asked = call(method, &json!([]), anonymous(Transport::WebSocket));
        let refusal = bed.called(&io, asked).outcome.expect_err(method);
        assert_eq!(refusal.code, "unknown-method", "{method}");
        assert!(
            !refusal.retryable && refusal.message.len() < 200,
            "{refusal:?}"
        );
    }
    // Only `guest` alone is a name; its method is empty.
    assert_eq!(status(&host).calls, 1);
}

#[test]
fn what_needs_http_does_not_reach_the_plugin_otherwise() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    for transport in [Transport::WebSocket, Transport::SocketIo] {
        let enter = call("guest.enter", &json!(["count"]), anonymous(transport));
        let refusal = bed.called(&io, enter).outcome.expect_err("not there");
        assert_eq!((&*refusal.code, refusal.retryable), ("needs-http", false));
    }
    assert_eq!(status(&host).calls, 0);
    let enter = call("guest.enter", &json!(["count"]), anonymous(Transport::Http));
    assert_eq!(value(bed.called(&io, enter)), json!([1]));
}

#[test]
fn what_needs_http_does_so_under_another_name_too() {
    let (mut bed, _users) = bed();
    bed.spec().name = "other".into();
    bed.config.handlers = vec!["other".into()];
    let (_host, io) = bed.io();
    let enter = call("other.enter", &json!([]), anonymous(Transport::WebSocket));
    let refusal = bed.called(&io, enter).outcome.expect_err("not there");
    assert_eq!(refusal.code, "needs-http");
}

#[test]
fn a_call_that_fails_says_nothing_of_why() {
    let (mut bed, _users) = bed();
    bed.config.burst = 100;
    bed.config.memory_bytes = 16 << 20;
    let (host, io) = bed.io();
    for (told, says) in [
        (json!(["trap"]), "this guest panics in a call"),
        (json!(["hog"]), "its limit is 16777216"),
        (json!(["spin"]), "used up its 50 ms of CPU time"),
        (json!([{"long": 1 << 20}]), "at most 1048576 are taken"),
        (
            json!([{"fail": {"code": "c".repeat(65)}}]),
            "the code has 65 bytes",
        ),
        (
            json!([{"fail": {"code": "c", "message": "m".repeat(1_025)}}]),
            "the message has",
        ),
    ] {
        assert_eq!(bed.fails(&io, &told), unavailable(), "{told}");
        let error = status(&host).last_error.unwrap();
        assert!(error.contains(says), "{told}: {error}");
        assert_eq!(bed.does(&io, &json!(["version"])), json!([""]), "another");
    }
    let status = status(&host);
    assert_eq!((status.traps, status.timeouts, status.malformed), (2, 1, 3));
    let most = json!([{"long": (1 << 20) - 100}]);
    let answer = bed.does(&io, &most);
    assert_eq!(answer[0].as_str().unwrap().len(), (1 << 20) - 100);
}

#[test]
fn a_call_takes_its_deadline_at_most() {
    let (mut bed, users) = bed();
    bed.config.handler_limits.deadline = Duration::from_millis(400);
    let (host, io) = bed.io();
    let hangs = json!([{"fetch": format!("{}/hangs", users.url())}]);
    let begun = Instant::now();
    let timeout = json!([{"error": "timeout", "retryable": true}]);
    assert_eq!(bed.does(&io, &hangs), timeout, "time is left to say so");
    bed.world.set_open(false);
    let publish = json!([{"publish": {"topic": "chat:a", "payload": 1}}]);
    let no_answer = json!([{"error": "unavailable", "retryable": true}]);
    assert_eq!(bed.does(&io, &publish), no_answer);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(status(&host).timeouts, 0);
}

#[test]
fn a_plugin_that_keeps_failing_trips() {
    let (bed, _users) = bed();
    let (host, io) = bed.io();
    for _ in 0..3 {
        assert_eq!(bed.fails(&io, &json!(["trap"])), unavailable());
    }
    assert_eq!(status(&host).state, State::Tripped);
    assert_eq!(bed.fails(&io, &json!(["count"])), unavailable());
    assert_eq!(status(&host).traps, 3);
    host.request_reload("guest").unwrap();
    until("the next generation", || status(&host).generation == 2);
    assert_eq!(bed.does(&io, &json!(["count"])), json!([1]));
}

#[test]
fn a_reload_under_calls_fails_none() {
    let (mut bed, users) = bed();
    let file = bed.folder.path().join("guest.json");
    write(&file, r#"{"version": "1"}"#);
    bed.spec().settings = PluginSettings::File(file.clone());
    let (host, io) = bed.io();
    let slow = {
        let (io, told) = (io.clone(), waits(&users));
        let asked = steps(&told, anonymous(Transport::WebSocket));
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    until("the slow call", || users.asked() == 1);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load = {
        let (io, stop) = (io.clone(), stop.clone());
        bed.runtime.spawn(async move {
            let mut calls = 0;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                let asked = steps(&json!(["version"]), anonymous(Transport::WebSocket));
                io.call(asked).await.outcome.expect("no call fails");
                calls += 1;
            }
            calls
        })
    };
    for generation in 2..5 {
        write(&file, &format!(r#"{{"version": "{generation}"}}"#));
        host.request_reload("guest").unwrap();
        until("the next generation", || {
            status(&host).generation == generation
        });
        let version = bed.does(&io, &json!(["version"]));
        assert_eq!(version, json!([generation.to_string()]));
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(bed.runtime.block_on(load).unwrap() > 0);
    users.open();
    let slow = bed.runtime.block_on(slow).unwrap();
    assert_eq!(value(slow), json!([200]), "on the old one");
}

/// A bed whose second generation traps at this moment of each call.
fn candidate_that_traps(moment: &str) -> (Bed, Users, PluginHost, IoPlugins) {
    let (mut bed, users) = bed();
    bed.config.burst = 100;
    let file = bed.folder.path().join("guest.json");
    write(&file, r#"{"version": "good"}"#);
    bed.spec().settings = PluginSettings::File(file.clone());
    let (host, io) = bed.io();
    write(&file, &format!(r#"{{"trap": "{moment}"}}"#));
    host.request_reload("guest").unwrap();
    until("the candidate", || status(&host).generation == 2);
    (bed, users, host, io)
}

#[test]
fn a_candidate_that_fails_is_made_good_by_the_one_before() {
    let (bed, _users, host, io) = candidate_that_traps("before");
    assert_eq!(bed.does(&io, &json!(["version"])), json!(["good"]));
    let publish = json!([{"publish": {"topic": "chat:a", "payload": 1}}]);
    assert_eq!(bed.does(&io, &publish), json!([null]));
    assert_eq!(bed.world.seen().published.len(), 1);
    assert_eq!(status(&host).traps, 2);
}

#[test]
fn a_candidate_that_took_all_the_time_is_not_made_good() {
    let (mut bed, _users) = bed();
    bed.config.handler_limits.cpu = Duration::from_secs(10);
    bed.config.handler_limits.deadline = Duration::from_millis(400);
    let (host, io) = bed.io();
    host.request_reload("guest").unwrap();
    until("the candidate", || status(&host).generation == 2);
    assert_eq!(bed.fails(&io, &json!(["spin"])), unavailable());
    let status = status(&host);
    assert_eq!((status.calls, status.timeouts), (1, 1), "asked once");
}

#[test]
fn what_a_candidate_has_done_is_not_done_again() {
    let (bed, users, host, io) = candidate_that_traps("after");
    let get = json!([{"get": {"table": "Things", "key": "a"}}, {"fetch": users.url()}, "version"]);
    assert_eq!(
        bed.does(&io, &get),
        json!([null, 200, "good"]),
        "it has only read"
    );
    let thing = json!({"id": "a"});
    for acts in [
        json!([{"publish": {"topic": "chat:a", "payload": 1}}]),
        json!([{"put": {"table": "Things", "item": thing}}]),
        json!([{"delete": "a"}]),
        json!([{"post": users.url()}]),
    ] {
        assert_eq!(bed.fails(&io, &acts), unavailable(), "{acts}");
    }
    assert_eq!(bed.world.seen().published.len(), 1);
    assert_eq!(status(&host).traps, 5);
    let enter = json!([{"create": {}}]);
    let asked = steps(&enter, anonymous(Transport::Http));
    assert_eq!(
        bed.called(&io, asked).outcome.expect_err("it acted"),
        unavailable()
    );
}

#[test]
fn a_burst_rolls_back() {
    let (mut bed, _users) = bed();
    let file = bed.folder.path().join("guest.json");
    write(&file, r#"{"version": "good"}"#);
    bed.spec().settings = PluginSettings::File(file.clone());
    let (host, io) = bed.io();
    write(&file, r#"{"trap": "before"}"#);
    host.request_reload("guest").unwrap();
    until("the candidate", || status(&host).generation == 2);
    until("the roll-back", || {
        assert_eq!(bed.does(&io, &json!(["version"])), json!(["good"]));
        status(&host).generation == 1
    });
    assert_eq!(status(&host).traps, 3, "the burst that rolls back");
}

#[test]
fn several_plugins_have_methods() {
    let (mut bed, _users) = bed();
    let mut other = bed.spec().clone();
    other.name = "other".into();
    // Its tables are the first one's.
    other.component = bed.folder.path().join("other.wasm");
    write_component(&other.component, "waits");
    other.settings = PluginSettings::Inline(json!({"always": "yes"}));
    bed.config.plugins.push(other);
    bed.config.admission = Some("other".into());
    let (host, io) = bed.io();
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
    assert_eq!(bed.does(&io, &json!(["count"])), json!([1]));
    let calls: Vec<u64> = host
        .status()
        .into_iter()
        .map(|plugin| plugin.calls)
        .collect();
    assert_eq!(calls, [1, 1]);
}

fn write_component(path: &Path, guest: &str) {
    std::fs::write(path, built(guest)).expect("a component file");
}

#[test]
fn handlers_are_plugins_that_have_the_hook() {
    let mut bed = Bed::good();
    bed.config.handlers = vec!["guest".into()];
    let error = bed.error();
    assert!(error.contains("`handler` calls"), "{error}");
    bed.config.handlers = vec!["nobody".into()];
    let says = "`handlers` names plugin `nobody`, which is not configured";
    assert_eq!(bed.error(), says);
}
