//! Records through a mapper.

use super::*;

impl Bed {
    fn mapping(guest: &str) -> Self {
        let mut bed = Self::built(guest);
        bed.config.authorize.clear();
        bed.config.principals = None;
        bed.config.mappers = vec![MapperClaim {
            topic: "user-notifications".into(),
            plugin: "guest".into(),
        }];
        // The guest imports `http` for its other hook.
        bed.spec().grants = vec![
            Grant::Http { hosts: Vec::new() },
            Grant::Publisher {
                topics: vec![crate::topic::Pattern::parse("user:*:**").unwrap()],
            },
        ];
        bed
    }

    fn source(&self) -> (PluginHost, SourcePlugins) {
        let (host, handed) = self.hand_out();
        (host, handed.source)
    }
}

fn record<'a>(key: &'a str, value: &'a str) -> Record<'a> {
    Record {
        topic: "user-notifications",
        partition: 1,
        offset: 2,
        timestamp_ms: Some(3),
        key: Some(key.as_bytes()),
        headers: &[],
        value: Some(value.as_bytes()),
    }
}

fn one(source: &mut SourcePlugins, value: &str) -> Result<Outcome, CallError> {
    let outcomes = source.map("guest", &[record("ann", value)])?;
    assert_eq!(outcomes.len(), 1);
    Ok(outcomes.into_iter().next().unwrap())
}

fn works(source: &mut SourcePlugins) -> bool {
    matches!(one(source, "1"), Ok(Outcome::Publish(_)))
}

#[test]
fn each_record_has_its_outcome_in_order() {
    let bed = Bed::mapping("waits");
    let (_host, mut source) = bed.source();
    let tombstone = Record {
        value: None,
        ..record("ann", "")
    };
    let records = [
        record("ann", "{\"n\":1}"),
        tombstone,
        record("bob", "fail"),
        record("bob", "later"),
        record("bob", "2"),
    ];
    let mapped = |key: &str, payload: &str| {
        Outcome::Publish(vec![Mapped {
            topic: format!("user:{key}:notification"),
            event: Some("notification".into()),
            payload: payload.into(),
        }])
    };
    let fail = |code: &str, message: &str, retryable| Outcome::Fail {
        code: code.into(),
        message: message.into(),
        retryable,
    };
    let expected = vec![
        mapped("ann", "{\"n\":1}"),
        Outcome::Skip {
            reason: "tombstone".into(),
        },
        fail("bad-record", "this guest fails on it", false),
        fail("busy", "this guest wants it later", true),
        mapped("bob", "2"),
    ];
    assert_eq!(source.map("guest", &records), Ok(expected));
    assert_eq!(source.map("guest", &[]), Ok(Vec::new()));
    assert_eq!(source.retries("guest"), 7);
    assert!(source.may_publish("guest", "user:ann:notification"));
    assert!(!source.may_publish("guest", "user:ann"));
    assert!(!source.may_publish("nobody", "user:ann:notification"));
    let nobody = source.map("nobody", &records);
    assert_eq!(nobody, Err(CallError::NotConfigured));
}

#[test]
fn the_whole_record_reaches_the_plugin() {
    let bed = Bed::mapping("waits");
    let (_host, mut source) = bed.source();
    let headers = [("trace".to_owned(), vec![1, 255]), (String::new(), vec![])];
    let echoed = Record {
        headers: &headers,
        ..record("ann", "echo")
    };
    let outcomes = source.map("guest", &[echoed]).unwrap();
    let [Outcome::Skip { reason }] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    let expected = "Record { topic: \"user-notifications\", partition: 1, offset: 2, \
                    timestamp_ms: Some(3), key: Some([97, 110, 110]), headers: [Header { \
                    name: \"trace\", value: [1, 255] }, Header { name: \"\", value: [] }], \
                    value: Some([101, 99, 104, 111]) }";
    assert_eq!(reason, expected);
}

#[test]
fn a_mapper_can_do_no_io() {
    let bed = Bed::mapping("waits");
    let (_host, mut source) = bed.source();
    let reason = "unavailable-in-this-hook".to_owned();
    assert_eq!(one(&mut source, "fetch"), Ok(Outcome::Skip { reason }));
}

#[test]
fn a_batch_that_fails_gets_a_fresh_instance() {
    let mut bed = Bed::mapping("waits");
    bed.config.burst = 100;
    let (host, mut source) = bed.source();
    for (value, error, says) in [
        ("trap", CallError::Trapped, "this guest panics in a record"),
        ("hog", CallError::Trapped, "its limit is 4194304"),
        ("spin", CallError::TimedOut, "used up its 51 ms of CPU time"),
        ("long", CallError::Malformed, "a message of 5000"),
    ] {
        until("a fresh instance", || works(&mut source));
        assert_eq!(one(&mut source, value), Err(error), "{value}");
        let told = status(&host).last_error.unwrap();
        assert!(told.contains(says), "{value}: {told}");
    }
    until("a fresh instance", || works(&mut source));
    let bed = Bed::mapping("miscounts");
    let (host, mut source) = bed.source();
    assert_eq!(one(&mut source, "1"), Err(CallError::Malformed));
    let told = status(&host).last_error.unwrap();
    assert_eq!(told, "0 outcomes for 1 records");
}

#[test]
fn a_batch_has_time_by_its_length() {
    let mut bed = Bed::mapping("waits");
    bed.config.map_deadline = Duration::from_millis(20);
    let (host, mut source) = bed.source();
    let records = vec![record("ann", "spin"); 30];
    let batch = source.map("guest", &records);
    assert_eq!(batch, Err(CallError::TimedOut));
    let told = status(&host).last_error.unwrap();
    assert!(told.contains("used up its 50 ms"), "{told}");
}

#[test]
fn a_mapper_that_keeps_failing_is_not_asked_for_a_while() {
    let mut bed = Bed::mapping("waits");
    bed.config.burst = 1;
    let (host, mut source) = bed.source();
    assert_eq!(one(&mut source, "trap"), Err(CallError::Trapped));
    until("its instance", || {
        one(&mut source, "1") == Err(CallError::Tripped)
    });
    assert_eq!(status(&host).state, State::Tripped);
}

#[test]
fn a_new_generation_maps_after_the_switch() {
    let bed = Bed::mapping("waits");
    let (host, mut source) = bed.source();
    bed.replace(&built("miscounts"));
    host.request_reload("guest").unwrap();
    bed.runtime.block_on(source.changes().arrived());
    assert!(works(&mut source));
    assert!(source.switch());
    assert!(!source.switch());
    assert_eq!(status(&host).generation, 2);
    assert_eq!(source.retries("guest"), 3, "the candidate's");
    // The candidate fails; the generation before it answers, and serves again after the burst.
    for _ in 0..3 {
        until("a spare of the candidate", || {
            assert!(works(&mut source));
            status(&host).malformed > 0 || status(&host).generation == 1
        });
    }
    until("the roll-back", || {
        assert!(works(&mut source));
        status(&host).generation == 1
    });
    source.switch();
    assert!(works(&mut source));
    assert_eq!(source.retries("guest"), 7);
}

#[test]
fn a_claim_needs_a_plugin_that_has_the_hook() {
    let mut bed = Bed::good();
    bed.config.mappers = vec![MapperClaim {
        topic: "news".into(),
        plugin: "guest".into(),
    }];
    let error = bed.error();
    let says = "the settings send it `mapper` calls but its manifest does not list that hook";
    assert!(error.contains(says), "{error}");
    bed.config.mappers[0].plugin = "nobody".into();
    let says = "mapper of topic `news` names plugin `nobody`, which is not configured";
    assert_eq!(bed.error(), says);
}
