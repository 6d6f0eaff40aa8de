//! Whatever happens on the way, a message is saved once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use tidegate_plugin::store::table;
use tidegate_plugin::testing::{Fault, HostCall};

use super::*;

#[test]
fn a_message_that_is_sent_again_is_saved_once() {
    let mut bed = Bed::new();
    let first = bed.sends("ann", "n", "hi").expect("sent");
    bed.host.pass(Duration::from_secs(3600));
    let again = bed.sends("ann", "n", "something else").expect("sent");
    assert_eq!(first, again);
    let params = json!({"text": "hi", "nonce": "n", "room": "general"});
    let over_http = bed.call(over_http("ann", ""), "chat.send", &params);
    assert_eq!(over_http.expect("sent")["message"], first);
    assert_eq!((bed.kept().len(), bed.host.published().len()), (1, 3));
}

#[test]
fn a_nonce_is_its_users_own() {
    let mut bed = Bed::new();
    let anns = bed.sends("ann", "n", "ann's").expect("sent");
    let bobs = bed.sends("bob", "n", "bob's").expect("sent");
    assert_eq!(
        (&bobs["name"], &bobs["text"]),
        (&json!("bob"), &json!("bob's"))
    );
    assert_ne!(anns["id"], bobs["id"]);
    // Names and nonces that read the same side by side.
    for (name, nonce) in [("a", "b#c"), ("a#b", "c"), ("a%23b", "c"), ("A", "b#c")] {
        let message = bed.sends(name, nonce, nonce).expect("sent");
        assert_eq!(message["name"], name);
    }
    assert_eq!(bed.kept().len(), 6);
}

#[test]
fn a_nonce_is_known_in_all_rooms_and_for_a_day() {
    let mut bed = Bed::with(&json!({"rooms": ["general", "other"]}));
    let first = bed.sends("ann", "n", "hi").expect("sent");
    let elsewhere = json!({"text": "hi", "nonce": "n", "room": "other"});
    let again = bed.call(by("ann"), "chat.send", &elsewhere).expect("sent");
    assert_eq!(again["message"], first);
    bed.host.pass(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(bed.sends("ann", "n", "hi"), Ok(first.clone()));
    bed.host.pass(Duration::from_secs(1));
    assert_ne!(bed.sends("ann", "n", "hi"), Ok(first));
}

/// A window that fills in a gap looks back 30 s, no farther.
#[test]
fn what_is_saved_late_is_saved_at_a_place_of_its_time() {
    let mut bed = Bed::new();
    // The nonce's item is put, the message is not.
    let mut puts = 0;
    bed.host.watch(move |call| {
        puts += u32::from(call.name == "store.put");
        (puts == 2).then(|| Fault::Undone(unavailable()))
    });
    assert!(bed.sends("ann", "n", "hi").is_err());
    bed.host.watch(|_| None);
    assert_eq!(bed.kept().len(), 0);
    bed.host.pass(Duration::from_secs(120));
    let before = bed.sends("bob", "b", "between").expect("sent");
    let late = bed.sends("ann", "n", "hi").expect("sent");
    let at = |message: &Value| message["time_ms"].as_u64().expect("a time");
    assert!(at(&late) >= at(&before), "{late} {before}");
    assert_eq!(bed.sends("ann", "n", "hi"), Ok(late));
    assert_eq!(bed.kept().len(), 2);
}

/// What meets the plugin at one of its host calls.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    /// The call fails.
    Undone,
    /// The call is done, but its answer is lost.
    Unheard,
    /// The plugin ends here.
    Crash,
    /// Another instance is told to send the same, and nothing meets it.
    Twin,
    /// Another message gets the place that was chosen.
    Occupied,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Nothing),
        2 => Just(Event::Undone),
        2 => Just(Event::Unheard),
        1 => Just(Event::Crash),
        1 => Just(Event::Twin),
        3 => Just(Event::Occupied),
    ]
}

/// One message on its way, with what meets it.
struct Way {
    host: Host,
    twin: Chat,
    events: VecDeque<Event>,
    answers: Rc<RefCell<Vec<Value>>>,
}

impl Way {
    fn meet(&mut self, watched: &HostCall) -> Option<Fault> {
        match self.events.pop_front()? {
            Event::Nothing => None,
            Event::Undone => Some(Fault::Undone(unavailable())),
            Event::Unheard => Some(Fault::Unheard(unavailable())),
            Event::Crash => std::panic::resume_unwind(Box::new("crash")),
            Event::Twin => {
                let sent = send(&self.host, &mut self.twin, "the twin's");
                self.answers.borrow_mut().extend(sent);
                None
            }
            Event::Occupied => {
                if watched.name == "store.put" {
                    occupy(&self.host);
                }
                None
            }
        }
    }
}

fn send(host: &Host, chat: &mut Chat, text: &str) -> Result<Value, Error> {
    let params = json!({"text": text, "nonce": "n"});
    let sent = call(host, chat, by("ann"), "chat.send", &params)?;
    Ok(sent["message"].clone())
}

/// Bob's message stands where Ann's is to go, if it is not there yet.
fn occupy(host: &Host) {
    let items = host.items("Messages");
    let chosen = items.iter().find_map(|item| item["MessageAt"].as_str());
    let Some(chosen) = chosen else { return };
    let _ = table("Messages").put_if_absent(&json!({
        "PartitionKey": "general", "CreatedAt": chosen, "UserName": "bob", "Text": "first",
        "Nonce": "n",
    }));
}

fn anns(bed: &Bed) -> Vec<Value> {
    let mut kept = bed.kept();
    kept.retain(|item| item["UserName"] == "ann");
    kept
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn whatever_happens_it_is_saved_once(events in prop::collection::vec(any_event(), 0..24)) {
        let mut bed = Bed::new();
        let answers = Rc::new(RefCell::new(Vec::new()));
        let mut events: VecDeque<Event> = events.into();
        // The client sends until it has an answer; an instance that crashed is not used again.
        let answer = loop {
            let way = Rc::new(RefCell::new(Way {
                host: bed.host.clone(),
                twin: started(&bed.host, &shipped()),
                events: std::mem::take(&mut events),
                answers: answers.clone(),
            }));
            let met = way.clone();
            bed.host.watch(move |call| met.borrow_mut().meet(call));
            let sent = catch_unwind(AssertUnwindSafe(|| send(&bed.host, &mut bed.chat, "the first")));
            events = std::mem::take(&mut way.borrow_mut().events);
            match sent {
                Ok(Ok(answer)) => break answer,
                Ok(Err(error)) => prop_assert!(error.retryable, "{error}"),
                Err(_) => bed.chat = started(&bed.host, &shipped()),
            }
            // The second time it is late.
            bed.host.pass(Duration::from_secs(15));
        };
        let kept = anns(&bed);
        prop_assert_eq!(kept.len(), 1, "{:?}", kept);
        prop_assert_eq!(&answer["created_at"], &kept[0]["CreatedAt"]);
        prop_assert_eq!(&answer["text"], &kept[0]["Text"]);
        for other in answers.borrow().iter() {
            prop_assert_eq!(other, &answer);
        }
        let published = bed.host.published();
        prop_assert!(!published.is_empty());
        for announced in published {
            prop_assert_eq!(&announced.payload, &answer);
        }
    }
}

#[test]
fn it_is_never_announced_before_it_is_saved() {
    let mut bed = Bed::new();
    let host = bed.host.clone();
    bed.host.watch(move |watched| {
        if watched.name == "publisher.publish" {
            let items = host.items("Messages");
            assert!(items.iter().any(|item| item["Text"] == "hi"));
        }
        None
    });
    bed.sends("ann", "n", "hi").expect("sent");
}

#[test]
fn who_finds_every_place_taken_may_come_back() {
    let mut bed = Bed::new();
    let host = bed.host.clone();
    bed.host.watch(move |watched| {
        if watched.name == "store.put" {
            occupy(&host);
        }
        None
    });
    let error = bed.sends("ann", "n", "hi").expect_err("there is no place");
    assert_eq!(
        (error.code.as_str(), error.retryable),
        ("unavailable", true)
    );
    bed.host.watch_no_more();
    bed.sends("ann", "n", "hi").expect("now there is");
    assert_eq!(anns(&bed).len(), 1);
}
