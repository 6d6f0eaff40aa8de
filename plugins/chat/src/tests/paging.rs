//! Windows see each message once, whenever it is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// How far back a window looks when it fills in what it missed.
const OVERLAP_MS: u64 = 30_000;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody writes, so many milliseconds after what was before.
    Send(u64),
    /// The window reads a batch of older messages, of so many.
    Older(u8),
    /// The window fills in what is newer than it knows, in batches of so many.
    Newer(u8),
    /// The store gives shorter pages.
    Shorten(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop_oneof![Just(0), Just(1), 2..60_000_u64].prop_map(Step::Send),
        2 => (1..8_u8).prop_map(Step::Older),
        1 => (1..8_u8).prop_map(Step::Newer),
        1 => (1..4_u32).prop_map(Step::Shorten),
    ]
}

/// A window as the page has it: sorted by `created_at`, doubles dropped by id.
#[derive(Default)]
struct Window {
    messages: BTreeMap<String, Value>,
    /// Whether there are older ones; None before it has read anything.
    more: Option<bool>,
}

impl Window {
    fn reads_older(&mut self, bed: &mut Bed, limit: u8) {
        let mut params = json!({"limit": limit});
        if let Some(oldest) = self.messages.keys().next() {
            params["before"] = json!(oldest);
        }
        let batch = bed.reads(&params);
        self.more = batch["more"].as_bool();
        let created: Vec<&str> = created_at(&batch);
        assert!(
            created.is_sorted_by(|one, next| one > next),
            "newest first, none twice"
        );
        for message in batch["messages"].as_array().into_iter().flatten() {
            let new = self.keep(message);
            assert!(new, "a message is in two batches: {message}");
        }
    }

    fn reads_newer(&mut self, bed: &mut Bed, limit: u8) {
        let Some(newest) = self.messages.values().next_back() else {
            return self.reads_older(bed, limit);
        };
        let since = newest["time_ms"].as_u64().expect("a number") - OVERLAP_MS;
        let mut after = format!("{since:013}000000");
        loop {
            let batch = bed.reads(&json!({"limit": limit, "after": after}));
            let created = created_at(&batch);
            assert!(
                created.is_sorted_by(|one, next| one < next),
                "oldest first, none twice"
            );
            let last = created.last().map(ToString::to_string);
            for message in batch["messages"].as_array().into_iter().flatten() {
                self.keep(message);
            }
            match last {
                Some(last) if batch["more"] == true => after = last,
                _ => return,
            }
        }
    }

    fn keep(&mut self, message: &Value) -> bool {
        let created_at = message["created_at"].as_str().expect("a text");
        let before = self.messages.insert(created_at.into(), message.clone());
        before.is_none()
    }
}

fn created_at(batch: &Value) -> Vec<&str> {
    let messages = batch["messages"].as_array().expect("a list");
    let created = messages
        .iter()
        .map(|message| message["created_at"].as_str());
    created.collect::<Option<_>>().expect("texts")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn each_message_is_seen_once(steps in prop::collection::vec(any_step(), 0..80)) {
        let mut bed = Bed::new();
        let mut window = Window::default();
        let mut sent = Vec::new();
        for step in steps {
            match step {
                Step::Send(ms) => {
                    bed.host.pass(Duration::from_millis(ms));
                    let nonce = sent.len().to_string();
                    sent.push(bed.sends("ann", &nonce, &nonce).expect("sent"));
                }
                Step::Older(limit) => window.reads_older(&mut bed, limit),
                Step::Newer(limit) => window.reads_newer(&mut bed, limit),
                Step::Shorten(items) => bed.host.shorten_pages(items),
            }
        }
        window.reads_newer(&mut bed, 3);
        while window.more != Some(false) {
            window.reads_older(&mut bed, 3);
        }
        sent.sort_by_key(|message| message["created_at"].to_string());
        let seen: Vec<Value> = window.messages.into_values().collect();
        prop_assert_eq!(seen, sent);
    }
}
