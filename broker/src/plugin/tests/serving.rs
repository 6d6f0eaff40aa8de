//! Calls into a plugin that serves.

use super::*;

#[test]
fn it_answers_and_denies_with_its_reason() {
    let (_host, mut worker) = Bed::good().serve();
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
    assert_eq!(verdict(&mut worker, "deny:b"), denied());
}

#[test]
fn a_topic_that_no_rule_covers_is_denied() {
    let mut bed = Bed::good();
    bed.config.authorize[0].pattern = crate::topic::Pattern::parse("chat:**").unwrap();
    let (host, mut worker) = bed.serve();
    let reason = Verdict::Deny("no rule covers this topic".into());
    assert_eq!(verdict(&mut worker, "a:b"), reason);
    assert_eq!(status(&host).calls, 0);
}

#[test]
fn a_session_becomes_a_principal_or_the_plugins_refusal() {
    let (_host, mut worker) = Bed::good().serve();
    let ann = Identity {
        subject: "ann".into(),
        scopes: "user:read:chat".into(),
    };
    assert_eq!(worker.principal(r#"{"user":"ann"}"#), Ok(ann));
    let refused = PrincipalError::Refused {
        code: "bad-settings".into(),
        message: "deny is no list".into(),
    };
    assert_eq!(worker.principal("[]"), Err(refused));
}

#[test]
fn without_a_principals_plugin_there_are_no_principals() {
    let mut bed = Bed::good();
    bed.config.principals = None;
    let (_host, mut worker) = bed.serve();
    assert_eq!(worker.principal("{}"), Err(PrincipalError::NoPlugin));
}

#[test]
fn an_answer_is_remembered_if_the_plugin_lets_it() {
    let (host, mut worker) = Bed::good().serve();
    for _ in 0..3 {
        assert_eq!(verdict(&mut worker, "remember:me"), denied());
        assert_eq!(verdict(&mut worker, "deny:me"), denied());
    }
    assert_eq!(status(&host).calls, 1 + 3);
    assert_eq!(status(&host).remembered, 2);
    let other = worker.authorize(Action::Listen, "remember:me", "bob", "user:read:chat");
    assert_eq!(other.map(|decision| decision.verdict), Ok(denied()));
    assert_eq!(status(&host).calls, 5);
}

#[test]
fn a_trap_is_no_answer_and_the_next_call_gets_a_fresh_instance() {
    let (host, mut worker) = Bed::good().serve();
    until("a spare", || {
        let answer = listen(&mut worker, "a:b");
        answer.is_ok()
    });
    assert_eq!(listen(&mut worker, "trap"), Err(CallError::Trapped));
    until("a fresh instance", || listen(&mut worker, "a:b").is_ok());
    let status = status(&host);
    assert_eq!(status.traps, 1);
    let error = status.last_error.expect("it trapped");
    assert!(error.contains("unreachable"), "{error}");
    assert!(error.contains("authorize"), "{error}");
}

#[test]
fn a_loop_is_stopped_after_its_cpu_time() {
    let mut bed = Bed::good();
    bed.config.call_deadline = Duration::from_millis(20);
    let (host, mut worker) = bed.serve();
    let before = super::super::clock::thread_cpu();
    assert_eq!(listen(&mut worker, "loop"), Err(CallError::TimedOut));
    let used = super::super::clock::thread_cpu() - before;
    assert!(used >= Duration::from_millis(20), "{used:?}");
    assert!(used < Duration::from_millis(200), "{used:?}");
    let error = status(&host).last_error.expect("it timed out");
    assert!(error.contains("used up its 20 ms of CPU time"), "{error}");
    assert_eq!(status(&host).timeouts, 1);
}

#[test]
fn memory_beyond_the_limit_is_refused_and_told() {
    let (host, mut worker) = Bed::good().serve();
    assert_eq!(listen(&mut worker, "memory"), Err(CallError::Trapped));
    let error = status(&host).last_error.expect("it trapped");
    assert!(error.contains("its limit is 4194304"), "{error}");
}

#[test]
fn a_malformed_answer_is_no_answer() {
    let (host, mut worker) = Bed::good().serve();
    assert_eq!(listen(&mut worker, "bad"), Err(CallError::Malformed));
    assert_eq!(status(&host).malformed, 1);
    until("a fresh instance", || listen(&mut worker, "a:b").is_ok());
}

#[test]
fn a_plugin_that_keeps_failing_trips_and_a_reload_makes_it_good() {
    let bed = Bed::good();
    let (host, mut worker) = bed.serve();
    for _ in 0..3 {
        until("a fresh instance", || listen(&mut worker, "a:b").is_ok());
        assert_eq!(listen(&mut worker, "trap"), Err(CallError::Trapped));
    }
    assert_eq!(status(&host).state, State::Tripped);
    assert!(matches!(
        listen(&mut worker, "a:b"),
        Err(CallError::Tripped | CallError::Restarting)
    ));
    let calls = status(&host).calls;
    assert!(listen(&mut worker, "a:b").is_err());
    assert_eq!(status(&host).calls, calls, "it is not asked");
    host.request_reload("guest").unwrap();
    assert!(switch(&mut worker));
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
}

#[test]
fn what_was_remembered_is_answered_while_the_plugin_is_tripped() {
    let mut bed = Bed::good();
    bed.config.burst = 1;
    let (host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "remember:me"), denied());
    assert!(listen(&mut worker, "trap").is_err());
    assert_eq!(status(&host).state, State::Tripped);
    assert_eq!(verdict(&mut worker, "remember:me"), denied());
}
