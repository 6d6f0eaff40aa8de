use std::time::Duration;

use tidegate_plugin::testing::Fault;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);
const START_MS: u64 = 1_767_225_600_000;

fn seen_ms(bed: &Bed) -> u64 {
    bed.host.items("Users")[0]["SeenAt"]
        .as_u64()
        .expect("a number")
        - START_MS
}

#[test]
fn writing_and_reading_refresh_the_row_once_an_hour() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    bed.host.pass(HOUR - Duration::from_millis(1));
    bed.sends("ann", "1", "hi").expect("sent");
    assert_eq!(seen_ms(&bed), 0);
    // This instance looked a moment ago; it looks again in an hour.
    bed.host.pass(HOUR);
    bed.sends("ann", "2", "hi").expect("sent");
    assert_eq!(seen_ms(&bed), 7_199_999);
    bed.host.pass(HOUR);
    bed.call(by("ann"), "chat.history", &json!({}))
        .expect("read");
    assert_eq!(seen_ms(&bed), 10_799_999);
}

#[test]
fn a_user_who_is_here_is_never_idle() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    for day in 0..40 {
        bed.host.pass(24 * HOUR);
        bed.sends("ann", &day.to_string(), "hi").expect("sent");
    }
    assert_eq!(refused(bed.registers("ann")).0, "name-taken");
}

/// The row is read once an hour by each instance, not at every message.
#[test]
fn the_row_is_seldom_read() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    bed.sends("ann", "first", "hi").expect("sent");
    bed.host.watch(|call| {
        assert_ne!(call.target, "Users");
        None
    });
    for number in 0..10 {
        bed.sends("ann", &number.to_string(), "hi").expect("sent");
    }
}

#[test]
fn nothing_fails_because_it_cannot_be_noted() {
    let mut bed = Bed::new();
    bed.registers("ann").expect("the name is free");
    bed.host.pass(2 * HOUR);
    bed.host
        .watch(|call| (call.target == "Users").then(|| Fault::Undone(unavailable())));
    bed.sends("ann", "1", "hi").expect("sent");
    bed.call(by("ann"), "chat.history", &json!({}))
        .expect("read");
    bed.host.watch_no_more();
    bed.sends("ann", "2", "hi").expect("sent");
    assert_eq!(seen_ms(&bed), 7_200_000);
}

#[test]
fn a_row_that_was_given_back_does_not_come_again() {
    let mut bed = Bed::new();
    let session = bed.registers("ann").expect("the name is free");
    bed.host.pass(2 * HOUR);
    let host = bed.host.clone();
    let mut other = started(&host, &shipped());
    bed.host.watch(move |watched| {
        if (watched.name, watched.target.as_str()) == ("store.put", "Users") {
            let caller = over_http("ann", &session);
            call(&host, &mut other, caller, "chat.logout", &json!({})).expect("out");
        }
        None
    });
    bed.sends("ann", "1", "hi").expect("sent");
    assert!(bed.host.items("Users").is_empty());
}
