//! Reading in batches while others write: each message is seen once, whatever comes between.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{Person, call, history, list, send, texts_of};
use tidegate_tests::client::Client;

/// As a page loads what is older, or fills in what is newer.
struct Walk {
    direction: &'static str,
    /// Where the next batch begins; none is the newest.
    at: Option<String>,
    seen: Vec<String>,
    is_over: bool,
}

impl Walk {
    /// From the newest message to the oldest.
    fn back() -> Self {
        Self::new("before", None)
    }

    /// From this place to the newest message.
    fn on_from(place: &str) -> Self {
        Self::new("after", Some(place.to_owned()))
    }

    fn new(direction: &'static str, at: Option<String>) -> Self {
        Self {
            direction,
            at,
            seen: Vec::new(),
            is_over: false,
        }
    }

    async fn step(&mut self, window: &mut Client, limit: u64) {
        let mut params = json!({"limit": limit});
        if let Some(at) = &self.at {
            params[self.direction] = json!(at);
        }
        let mut batch = call(window, "chat.history", params).await;
        let messages = list(batch["messages"].take());
        assert!(
            messages.len() as u64 <= limit,
            "{} of {limit}",
            messages.len()
        );
        self.is_over = batch["more"] == false;
        assert!(
            self.is_over || messages.len() as u64 == limit,
            "a batch is full if there are more"
        );
        self.seen.extend(texts_of(&messages, "created_at"));
        self.at = self.seen.last().cloned().or(self.at.take());
    }

    /// In its order, none twice, and all of these.
    fn has_seen(&self, wanted: impl Iterator<Item = String>) {
        if self.direction == "before" {
            assert!(self.seen.is_sorted_by(|a, b| a > b), "{:?}", self.seen);
        } else {
            assert!(self.seen.is_sorted_by(|a, b| a < b), "{:?}", self.seen);
        }
        for place in wanted {
            assert!(self.seen.contains(&place), "{place} in {:?}", self.seen);
        }
    }
}

/// The same numbers in each run (Steele's and Vigna's SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A walk back begun between two sends sees what was there then, and nothing of what came later.
#[tokio::test]
async fn any_interleaving_of_sends_and_batches_shows_each_message_once() {
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut window = ann.window(&broker).await;
    let mut written: Vec<String> = Vec::new();
    for round in 0..20 {
        let mut numbers = Numbers(round);
        let mut back = (Walk::back(), None);
        let start = written.last().cloned().unwrap_or_else(|| "0".into());
        let new = written.len();
        let mut on = Walk::on_from(&start);
        let mut sends = 5 + numbers.below(20);
        while sends > 0 || !back.0.is_over {
            match numbers.below(4) {
                0 | 1 if sends > 0 => {
                    let nonce = format!("{round}-{sends}");
                    let message = send(&mut window, &nonce, "text").await;
                    written.extend(texts_of(&[message], "created_at"));
                    sends -= 1;
                }
                2 => on.step(&mut window, 1 + numbers.below(9)).await,
                _ if !back.0.is_over => {
                    back.1.get_or_insert(written.len());
                    back.0.step(&mut window, 1 + numbers.below(9)).await;
                }
                _ => {}
            }
        }
        on.is_over = false;
        while !on.is_over {
            on.step(&mut window, 1 + numbers.below(9)).await;
        }
        // Two that are written in one millisecond stand in either order.
        let (walk, begun) = back;
        let mut there = written[..begun.expect("it has begun")].to_vec();
        there.sort_by(|a, b| b.cmp(a));
        assert_eq!(walk.seen, there, "round {round}");
        let mut later = written[new..].to_vec();
        later.sort();
        assert_eq!(on.seen, later, "round {round}");
        written.sort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_seen_twice_or_passed_over_while_many_write() {
    const WRITERS: usize = 6;
    const EACH: usize = 60;
    let broker = Broker::start().await;
    let ann = Person::enters(&broker, "ann").await;
    let mut reader = ann.window(&broker).await;
    for n in 0..30 {
        send(&mut reader, &format!("old-{n}"), "old").await;
    }
    let done = AtomicBool::new(false);
    let writing = async {
        let writers = (0..WRITERS).map(async |writer| {
            let mut window = ann.window(&broker).await;
            for n in 0..EACH {
                send(&mut window, &format!("{writer}-{n}"), "new").await;
            }
        });
        join_all(writers).await;
        done.store(true, Ordering::SeqCst);
    };
    let reading = async {
        let mut numbers = Numbers(7);
        let mut walks = 0;
        while !done.load(Ordering::SeqCst) || walks < 3 {
            let there = history(&mut reader).await;
            let mut back = Walk::back();
            while !back.is_over {
                back.step(&mut reader, 1 + numbers.below(30)).await;
            }
            back.has_seen(texts_of(&there, "created_at").into_iter());
            let middle = there[there.len() / 2]["created_at"]
                .as_str()
                .expect("a place");
            let mut on = Walk::on_from(middle);
            while !on.is_over {
                on.step(&mut reader, 1 + numbers.below(30)).await;
            }
            let later = texts_of(&there, "created_at").into_iter();
            on.has_seen(later.filter(|place| place.as_str() > middle));
            assert!(on.seen.iter().all(|place| place.as_str() > middle));
            walks += 1;
        }
    };
    tokio::join!(writing, reading);
    let there: Vec<Value> = history(&mut reader).await;
    assert_eq!(there.len(), 30 + WRITERS * EACH);
}
