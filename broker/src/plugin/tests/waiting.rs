//! Calls that wait for an instance, and callers that do not wait for their calls.

use serde_json::json;

use super::called::{anonymous, bed, steps, unavailable, value, waits};
use super::*;

#[test]
fn too_many_calls_are_told_so() {
    let (mut bed, users) = bed();
    bed.config.handler_limits.instances = 2;
    bed.config.handler_limits.calls = 5;
    let (_host, io) = bed.io();
    let told = waits(&users);
    let crowd: Vec<_> = (0..8)
        .map(|_| {
            let (io, told) = (io.clone(), told.clone());
            let asked = steps(&told, anonymous(Transport::WebSocket));
            bed.runtime.spawn(async move { io.call(asked).await })
        })
        .collect();
    until("three are told", || {
        crowd.iter().filter(|one| one.is_finished()).count() == 3
    });
    until("two are asked", || users.asked() == 2);
    users.open();
    let refused = crowd.into_iter().filter_map(|one| {
        let called = bed.runtime.block_on(one).unwrap();
        called.outcome.err()
    });
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 3);
    for refusal in refused {
        assert_eq!((&*refusal.code, refusal.retryable), ("overloaded", true));
    }
    assert_eq!(users.most_at_once(), 2);
}

/// The one that is late is at fault, and not those for whom it left no time.
#[test]
fn who_waits_too_long_is_not_asked() {
    let (mut bed, _users) = bed();
    bed.config.handler_limits.instances = 1;
    bed.config.handler_limits.cpu = Duration::from_secs(10);
    bed.config.handler_limits.deadline = Duration::from_millis(500);
    let (host, io) = bed.io();
    let late = |told: serde_json::Value| {
        let (io, asked) = (io.clone(), steps(&told, anonymous(Transport::WebSocket)));
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    let spins = late(json!(["spin"]));
    until("it has the only instance", || status(&host).calls == 1);
    let crowd: Vec<_> = (0..10).map(|_| late(json!(["count"]))).collect();
    let spun = bed.runtime.block_on(spins).unwrap();
    assert_eq!(spun.outcome.expect_err("it is late"), unavailable());
    for one in crowd {
        let called = bed.runtime.block_on(one).unwrap();
        assert_eq!(called.outcome.expect_err("no time").code, "overloaded");
    }
    assert_eq!(bed.does(&io, &json!(["count"])), json!([1]), "it is well");
    let status = status(&host);
    assert_eq!((status.timeouts, status.state), (1, State::Serving));
}

#[test]
fn who_waits_gets_an_instance_though_one_could_not_be_made() {
    let (mut bed, users) = bed();
    let start = format!("{}/start", users.url());
    bed.spec().settings = PluginSettings::Inline(json!({"start": start}));
    bed.config.handler_limits.instances = 2;
    let (_host, io) = bed.io();
    let asked = |told: &serde_json::Value| {
        let (io, asked) = (io.clone(), steps(told, anonymous(Transport::WebSocket)));
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    let before = users.asked();
    let slow = asked(&waits(&users));
    until("the only instance is taken", || users.asked() == before + 1);
    users.refuse(true);
    let other = asked(&json!(["count"]));
    until("another cannot start", || users.asked() == before + 2);
    users.refuse(false);
    let other = bed.runtime.block_on(other).unwrap();
    assert_eq!(value(other), json!([1]), "the third");
    assert!(!slow.is_finished());
    users.open();
    assert_eq!(value(bed.runtime.block_on(slow).unwrap()), json!([200]));
}

#[test]
fn a_caller_that_leaves_ends_its_call() {
    let (mut bed, users) = bed();
    bed.config.handler_limits.instances = 1;
    let (_host, io) = bed.io();
    let told = waits(&users);
    let left = {
        let io = io.clone();
        let asked = steps(&told, anonymous(Transport::WebSocket));
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    until("it waits", || users.asked() == 1);
    left.abort();
    assert_eq!(
        bed.does(&io, &json!(["count"])),
        json!([1]),
        "the only instance is free again, and another one"
    );
}

#[test]
fn a_call_that_has_acted_runs_on_without_its_caller() {
    let (bed, users) = bed();
    let (_host, io) = bed.io();
    let slow = json!({"fetch": format!("{}/slow", users.url())});
    let put = json!({"put": {"table": "Things", "item": {"id": "a"}}});
    let publish = json!({"publish": {"topic": "chat:a", "payload": 1}});
    let asked = steps(
        &json!([put, slow, publish]),
        anonymous(Transport::WebSocket),
    );
    let left = {
        let io = io.clone();
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    until("it waits", || users.asked() == 1);
    left.abort();
    until("the caller has left", || left.is_finished());
    let ended = bed.runtime.spawn(async move { io.calls_ended().await });
    assert!(!ended.is_finished(), "it is waited for");
    users.open();
    until("it has ended", || ended.is_finished());
    assert_eq!(bed.world.seen().published.len(), 1, "what is kept is told");
}

#[test]
fn both_hooks_share_a_pool_and_neither_takes_the_others_place() {
    let (mut bed, users) = bed();
    bed.config.admission = Some("guest".into());
    bed.config.handler_limits.instances = 1;
    bed.config.admission_limits.instances = 1;
    let (_host, io) = bed.io();
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
    let counted = bed.does(&io, &json!(["count"]));
    assert_eq!(counted, json!([2]), "the instance that has admitted");
    let slow = |told: &serde_json::Value| {
        let (io, asked) = (io.clone(), steps(told, anonymous(Transport::WebSocket)));
        bed.runtime.spawn(async move { io.call(asked).await })
    };
    let first = slow(&waits(&users));
    until("the handler's instance is taken", || users.asked() == 1);
    assert_eq!(bed.admit(&io, "ann"), Ok(()), "admission has its own");
    users.open();
    assert!(bed.runtime.block_on(first).unwrap().outcome.is_ok());
}

#[test]
fn the_one_trial_of_a_tripped_plugin_is_not_lost_with_its_caller() {
    let (mut bed, users) = bed();
    bed.config.burst_window = Duration::from_millis(300);
    let (host, io) = bed.io();
    until("it trips", || {
        bed.fails(&io, &json!(["trap"]));
        status(&host).state == State::Tripped
    });
    let before = users.asked();
    let left = {
        let (io, told) = (io.clone(), waits(&users));
        bed.runtime.spawn(async move {
            while io
                .call(steps(&told, anonymous(Transport::WebSocket)))
                .await
                .outcome
                .is_err()
            {}
        })
    };
    until("the trial", || users.asked() > before);
    left.abort();
    until("its caller has left", || left.is_finished());
    bed.runtime.block_on(io.calls_ended());
    assert_eq!(bed.does(&io, &json!(["count"])), json!([1]), "the trial");
    assert_eq!(status(&host).state, State::Serving);
}
