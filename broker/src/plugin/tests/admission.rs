//! Who may stay, with a plugin that asks a real HTTP server.

use std::sync::Arc;

use super::users::Users;
use super::*;

/// A bed whose guest admits and may ask the users.
fn bed(settings: serde_json::Value) -> (Bed, Users) {
    let mut bed = Bed::built("waits");
    let users = Users::start(&bed.runtime);
    let mut settings = settings;
    settings["url"] = users.url().into();
    let host = HttpHost::parse(&users.url()).unwrap();
    bed.spec().grants = vec![Grant::Http { hosts: vec![host] }];
    bed.spec().settings = PluginSettings::Inline(settings);
    bed.config.authorize.clear();
    bed.config.principals = None;
    bed.config.admission = Some("guest".into());
    (bed, users)
}

fn plain() -> (Bed, Users) {
    bed(serde_json::json!({}))
}

impl Bed {
    pub(super) fn io(&self) -> (PluginHost, IoPlugins) {
        let (host, handed) = self.hand_out();
        (host, handed.io)
    }

    pub(super) fn admit(&self, io: &IoPlugins, subject: &str) -> Result<(), NotAdmitted> {
        let admission = io.admit(subject, "a b", Transport::WebSocket);
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, admission).await })
            .expect("an answer")
    }

    fn code(&self, io: &IoPlugins, subject: &str) -> String {
        let refusal = self.admit(io, subject).expect_err(subject);
        refusal.code
    }
}

#[test]
fn without_a_plugin_everybody_is_admitted_at_once() {
    let bed = Bed::good();
    let (_host, io) = bed.io();
    assert_eq!(io.remembered_admission("ann", ""), Some(Ok(())));
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
}

#[test]
fn the_plugin_asks_the_user_service() {
    let (bed, users) = plain();
    let (host, io) = bed.io();
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
    let headers = users.headers();
    assert!(headers.contains("\"x-asks\": \"waits\""), "{headers}");
    assert!(headers.contains("\"user-agent\": \"tidegate/"), "{headers}");
    let unknown = bed.admit(&io, "unknown").expect_err("404");
    assert_eq!(
        (unknown.code.as_str(), unknown.message.as_str()),
        ("not-ok", "404")
    );
    assert_eq!(users.asked(), 2);
    assert_eq!(status(&host).calls, 2);
    assert_eq!(io.remembered_admission("ann", "a b"), None, "it said so");
}

#[test]
fn a_refusal_is_the_plugins_own() {
    let (bed, _users) = plain();
    let (_host, io) = bed.io();
    let refused = NotAdmitted {
        code: "unknown-user".into(),
        message: "nobody is called that".into(),
        retryable: false,
        data: Some("{\"since\":\"today\"}".into()),
    };
    assert_eq!(bed.admit(&io, "refused"), Err(refused));
    let error = NotAdmitted {
        code: "user-service".into(),
        message: "it is away".into(),
        retryable: true,
        data: None,
    };
    assert_eq!(bed.admit(&io, "error"), Err(error));
    let echo = bed.admit(&io, "echo").expect_err("it echoes");
    assert_eq!(echo.message, "[a b] over websocket");
}

#[test]
fn only_granted_hosts_are_asked_and_no_redirect_is_followed() {
    let (bed, users) = plain();
    let (_host, io) = bed.io();
    let port = users.address.port();
    for (url, code) in [
        ("http://127.0.0.1:1/".to_owned(), "not-granted"),
        (format!("http://localhost:{port}/ann"), "not-granted"),
        (format!("http://u:p@127.0.0.1:{port}/ann"), "bad-url"),
    ] {
        assert_eq!(bed.code(&io, &url), code, "{url}");
    }
    assert_eq!(users.asked(), 0);
    let moved = bed.admit(&io, "moved").expect_err("302");
    assert_eq!(moved.message, "302");
    assert_eq!(bed.code(&io, "big"), "too-large");
    assert_eq!(users.asked(), 2);
}

#[test]
fn a_host_that_is_not_there_or_hangs_is_an_error_to_the_plugin() {
    let (mut bed, users) = bed(serde_json::json!({"timeout_ms": 300}));
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    if let [Grant::Http { hosts }] = bed.spec().grants.as_mut_slice() {
        hosts.push(HttpHost::parse(&address.to_string()).unwrap());
    }
    let (host, io) = bed.io();
    assert_eq!(bed.code(&io, &format!("http://{address}/")), "unreachable");
    assert_eq!(bed.code(&io, "hangs"), "timeout");
    assert_eq!(users.asked(), 1);
    assert_eq!(status(&host).timeouts, 0, "it is not the plugin's fault");
}

#[test]
fn a_request_ends_before_its_call_has_to() {
    let (mut bed, _users) = plain();
    bed.config.admission_limits.deadline = Duration::from_millis(400);
    let (host, io) = bed.io();
    let begun = Instant::now();
    let refusal = bed.admit(&io, "hangs").expect_err("nobody answers");
    assert_eq!(refusal.code, "timeout");
    assert!(refusal.retryable);
    assert!(begun.elapsed() < Duration::from_secs(5), "{refusal:?}");
    assert_eq!(status(&host).timeouts, 0);
}

#[test]
fn a_call_that_fails_admits_nobody_and_says_nothing_of_why() {
    let (mut bed, _users) = plain();
    bed.config.burst = 100;
    let (host, io) = bed.io();
    for (subject, says) in [
        ("trap", "this guest panics in an admission"),
        ("hog", "its limit is 4194304"),
        ("spin", "used up its 50 ms of CPU time"),
        ("no-json", "the data is no JSON"),
    ] {
        let refusal = bed.admit(&io, subject).expect_err(subject);
        assert_eq!(refusal.code, "unavailable", "{subject}");
        assert!(refusal.retryable);
        let told = status(&host).last_error.unwrap();
        assert!(told.contains(says), "{subject}: {told}");
        assert_eq!(bed.admit(&io, "ann"), Ok(()), "a fresh instance answers");
    }
    let status = status(&host);
    assert_eq!((status.traps, status.timeouts, status.malformed), (2, 1, 1));
}

#[test]
fn an_answer_is_remembered_if_the_plugin_lets_it() {
    let (bed, users) = bed(serde_json::json!({"remember_ms": 60_000}));
    let (host, io) = bed.io();
    for _ in 0..3 {
        assert_eq!(bed.admit(&io, "ann"), Ok(()));
        assert_eq!(bed.code(&io, "refused"), "unknown-user");
        assert_eq!(bed.code(&io, "error"), "user-service");
    }
    assert_eq!(users.asked(), 1);
    assert_eq!(
        status(&host).calls,
        1 + 1 + 3,
        "an error is asked about again"
    );
    assert_eq!(status(&host).remembered, 4);
    assert_eq!(io.remembered_admission("ann", "a b"), Some(Ok(())));
    assert_eq!(io.remembered_admission("ann", "a"), None);
}

#[test]
fn a_crowd_of_one_subject_makes_one_request() {
    let (bed, users) = plain();
    let (_host, io) = bed.io();
    let crowd: Vec<_> = (0..1_000)
        .map(|_| {
            let io = io.clone();
            bed.runtime
                .spawn(async move { io.admit("slow", "", Transport::WebSocket).await })
        })
        .collect();
    until("the request", || users.asked() == 1);
    users.open();
    for one in crowd {
        assert_eq!(bed.runtime.block_on(one).unwrap(), Ok(()));
    }
    assert_eq!(users.most_at_once(), 1);
    // Those that came after the first answer made one more at a time.
    assert!(users.asked() < 10, "{}", users.asked());
}

#[test]
fn a_crowd_of_many_is_asked_about_a_few_at_a_time_and_the_rest_is_told_to_come_back() {
    let (mut bed, users) = plain();
    bed.config.admission_limits.instances = 4;
    bed.config.admission_limits.questions = 20;
    let (_host, io) = bed.io();
    let url = users.url();
    let crowd: Vec<_> = (0..30)
        .map(|at| {
            let io = io.clone();
            let subject = format!("{url}/slow?{at}");
            bed.runtime
                .spawn(async move { io.admit(&subject, "", Transport::WebSocket).await })
        })
        .collect();
    until("four requests", || users.asked() == 4);
    let overloaded = |refusal: NotAdmitted| refusal.code == "overloaded" && refusal.retryable;
    until("the others are told", || {
        crowd.iter().filter(|one| one.is_finished()).count() == 10
    });
    users.open();
    let answers = crowd
        .into_iter()
        .map(|one| bed.runtime.block_on(one).unwrap());
    let turned_away = answers
        .filter_map(Result::err)
        .filter(|refusal| overloaded(refusal.clone()));
    assert_eq!(turned_away.count(), 10);
    assert_eq!(users.most_at_once(), 4);
    assert_eq!(users.asked(), 20);
}

#[test]
fn who_waits_for_an_instance_in_vain_is_told_to_come_back() {
    let (mut bed, users) = plain();
    bed.config.admission_limits.instances = 1;
    bed.config.admission_limits.deadline = Duration::from_millis(500);
    let (_host, io) = bed.io();
    let first = {
        let io = io.clone();
        bed.runtime
            .spawn(async move { io.admit("hangs", "", Transport::WebSocket).await })
    };
    until("the instance is taken", || users.asked() == 1);
    let io_of_second = io.clone();
    let second = bed
        .runtime
        .spawn(async move { io_of_second.admit("hangs", "b", Transport::WebSocket).await });
    let first = bed.runtime.block_on(first).unwrap().expect_err("it hangs");
    assert_eq!(first.code, "timeout");
    let second = bed.runtime.block_on(second).unwrap().expect_err("no time");
    assert!(second.retryable, "{second:?}");
}

#[test]
fn an_instance_is_replaced_after_some_calls() {
    let (bed, _users) = plain();
    let (_host, io) = bed.io();
    let mut most = 0;
    let mut restarts = 0;
    let mut before = 0;
    while restarts < 2 {
        let refusal = bed.admit(&io, "calls").expect_err("it counts");
        let calls: u32 = refusal.message.parse().unwrap();
        restarts += u32::from(calls <= before);
        before = calls;
        most = most.max(calls);
    }
    assert!((64..128).contains(&most), "{most}");
}

#[test]
fn a_plugin_that_keeps_failing_trips_and_a_reload_makes_it_good() {
    let (bed, users) = plain();
    let (host, io) = bed.io();
    for _ in 0..3 {
        assert_eq!(bed.code(&io, "trap"), "unavailable");
    }
    assert_eq!(status(&host).state, State::Tripped);
    assert_eq!(bed.code(&io, "ann"), "unavailable");
    assert_eq!(users.asked(), 0);
    host.request_reload("guest").unwrap();
    until("the next generation", || status(&host).generation == 2);
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
}

#[test]
fn a_reload_under_way_fails_no_call_and_voids_what_was_remembered() {
    let (bed, users) = bed(serde_json::json!({"remember_ms": 60_000}));
    let (host, io) = bed.io();
    let io = Arc::new(io);
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
    let slow = {
        let io = io.clone();
        bed.runtime
            .spawn(async move { io.admit("slow", "", Transport::WebSocket).await })
    };
    until("the slow request", || users.asked() == 2);
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load = {
        let (io, stop) = (io.clone(), stop.clone());
        bed.runtime.spawn(async move {
            let mut calls = 0;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                let subject = format!("user-{calls}");
                io.admit(&subject, "", Transport::WebSocket)
                    .await
                    .expect("no call fails");
                calls += 1;
            }
            calls
        })
    };
    for generation in 2..5 {
        host.request_reload("guest").unwrap();
        until("the next generation", || {
            status(&host).generation == generation
        });
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(bed.runtime.block_on(load).unwrap() > 0);
    assert_eq!(io.remembered_admission("ann", "a b"), None);
    users.open();
    assert_eq!(
        bed.runtime.block_on(slow).unwrap(),
        Ok(()),
        "on the old one"
    );
}

#[test]
fn a_candidate_that_fails_is_made_good_by_the_one_before_and_rolled_back() {
    let (mut bed, _users) = plain();
    let file = bed.folder.path().join("guest.json");
    write(&file, r#"{"always": "yes"}"#);
    bed.spec().settings = PluginSettings::File(file.clone());
    let (host, io) = bed.io();
    write(&file, r#"{"always": "trap"}"#);
    host.request_reload("guest").unwrap();
    until("the candidate", || status(&host).generation == 2);
    until("the roll-back", || {
        assert_eq!(bed.admit(&io, "ann"), Ok(()));
        status(&host).generation == 1
    });
    assert_eq!(status(&host).traps, 3, "the burst that rolls back");
    write(&file, r#"{"init": "fails"}"#);
    host.request_reload("guest").unwrap();
    refusal(&host, "this guest fails in init");
    write(&file, r#"{"init": "spins"}"#);
    host.request_reload("guest").unwrap();
    refusal(&host, "used up its 1000 ms of CPU time");
    assert_eq!(bed.admit(&io, "ann"), Ok(()));
    write(&file, r#"{"always": "no more"}"#);
    host.request_reload("guest").unwrap();
    until("a good candidate", || status(&host).generation == 3);
    let refusal = bed.admit(&io, "ann").expect_err("it says so");
    assert_eq!(refusal.message, "no more");
}

#[test]
fn the_hooks_of_both_engines_share_nothing() {
    let (mut bed, _users) = plain();
    bed.config.burst = 1;
    bed.config.mappers = vec![MapperClaim {
        topic: "news".into(),
        plugin: "guest".into(),
    }];
    let (_host, handed) = bed.hand_out();
    let (mut source, io) = (handed.source, handed.io);
    let record = |value: &'static [u8]| Record {
        topic: "news",
        partition: 0,
        offset: 0,
        timestamp_ms: None,
        key: None,
        headers: &[],
        value: Some(value),
    };
    assert_eq!(
        source.map("guest", &[record(b"trap")]),
        Err(CallError::Trapped)
    );
    assert_eq!(
        bed.admit(&io, "ann"),
        Ok(()),
        "the mapper's faults are its own"
    );
    let bed_of_other = plain();
    let (_host, other) = bed_of_other.0.hand_out();
    let mut source = other.source;
    let not_claimed = source.map("guest", &[record(b"1")]);
    assert_eq!(not_claimed, Err(CallError::NotConfigured));
}

#[test]
fn an_admission_needs_a_plugin_that_has_the_hook() {
    let mut bed = Bed::good();
    bed.config.admission = Some("guest".into());
    let error = bed.error();
    assert!(error.contains("`admission` calls"), "{error}");
    bed.config.admission = Some("nobody".into());
    let says = "`admission` names plugin `nobody`, which is not configured";
    assert_eq!(bed.error(), says);
}
