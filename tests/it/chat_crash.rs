//! `kill -9` while people write: what was acknowledged is there, in order, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidegate_tests::broker::Broker;
use tidegate_tests::chat::{Person, history, send, texts_of};
use tidegate_tests::client::Client;
use tidegate_tests::wait;

const WRITERS: usize = 8;
/// Of each writer.
const IN_FLIGHT: usize = 8;
const ROUNDS: usize = 5;

/// What a writer has sent in one round, by nonce (which is the text too).
#[derive(Default)]
struct Written {
    /// Acknowledged, and how many had been acknowledged when it was sent.
    known: BTreeMap<String, (Value, usize)>,
    /// Nobody knows.
    open: BTreeMap<String, usize>,
    /// Acknowledgements in their order.
    order: Vec<Value>,
}

impl Written {
    /// Writes until the connection ends.
    async fn until_the_end(
        mut window: Client,
        name: String,
        acknowledged: Arc<AtomicUsize>,
    ) -> Self {
        let mut written = Self::default();
        for number in 0.. {
            while written.open.len() >= IN_FLIGHT {
                let Ok(text) = window.next_patiently().await else {
                    return written;
                };
                written.acknowledge(&text);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            let nonce = format!("{name}-{number}");
            let call = json!({"method": "chat.send", "params": {"text": nonce, "nonce": nonce}});
            let frame = json!({"type": "CALL", "nonce": nonce, "data": call});
            written.open.insert(nonce, written.order.len());
            if !window.try_send_text(&frame.to_string()).await {
                return written;
            }
        }
        written
    }

    fn acknowledge(&mut self, text: &str) {
        let response: Value = serde_json::from_str(text).expect("a frame is JSON");
        assert_eq!(response["error"], "", "{response}");
        let nonce = response["nonce"].as_str().expect("our nonce").to_owned();
        let sent = self.open.remove(&nonce).expect("it waits for an answer");
        let message = response["data"]["message"].clone();
        assert_eq!(message["text"], nonce.as_str());
        self.order.push(message.clone());
        self.known.insert(nonce, (message, sent));
    }

    /// What was sent after an acknowledgement stands after what it acknowledged.
    fn is_in_order(&self) {
        let time = |message: &Value| message["time_ms"].as_u64().expect("a time");
        for (message, before) in self.known.values() {
            for earlier in &self.order[..*before] {
                assert!(time(earlier) <= time(message), "{earlier} then {message}");
            }
        }
    }
}

/// The node dies while 64 messages are on their way; answers what was written, once the same folder is
/// served again.
async fn dies(broker: Broker, people: &[Person], round: usize) -> (Broker, Vec<Written>) {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let person = &people[n % people.len()];
        let window = person.window(&broker).await;
        let writing = Written::until_the_end(window, format!("{round}.{n}"), acknowledged.clone());
        writers.push(tokio::spawn(writing));
    }
    let enough = 100 + 60 * round;
    wait::until("enough is acknowledged", async || {
        (acknowledged.load(Ordering::SeqCst) >= enough).then_some(())
    })
    .await;
    let broker = broker.crash().await;
    let written = join_all(writers).await;
    let written = written
        .into_iter()
        .map(|one| one.expect("no writer panics"));
    (broker, written.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_and_a_retry_is_saved_once() {
    let mut broker = Broker::start().await;
    let people = [
        Person::enters(&broker, "ann").await,
        Person::enters(&broker, "bob").await,
    ];
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for round in 0..ROUNDS {
        let (next, written) = dies(broker, &people, round).await;
        broker = next;
        let mut reader = people[0].window(&broker).await;
        let there = history(&mut reader).await;
        let places = texts_of(&there, "created_at");
        assert!(places.is_sorted_by(|a, b| a < b), "in order, none twice");
        let kept: BTreeMap<&str, &Value> = there
            .iter()
            .map(|message| (message["text"].as_str().expect("a text"), message))
            .collect();
        assert_eq!(kept.len(), there.len(), "each once");
        for (text, message) in &all {
            assert_eq!(kept.get(text.as_str()), Some(&message), "of a round before");
        }
        let unknown: usize = written.iter().map(|one| one.open.len()).sum();
        assert!(unknown > 0, "none was on its way in round {round}");
        for one in &written {
            one.is_in_order();
            for (nonce, (message, _)) in &one.known {
                assert_eq!(kept.get(nonce.as_str()), Some(&message));
                all.insert(nonce.clone(), message.clone());
            }
        }
        // As a page does once it is connected again: the same nonce, by the same person.
        for (n, one) in written.iter().enumerate() {
            let mut window = people[n % people.len()].window(&broker).await;
            for nonce in one.open.keys() {
                let message = send(&mut window, nonce, nonce).await;
                if let Some(kept) = kept.get(nonce.as_str()) {
                    assert_eq!(&&message, kept, "it was saved before the death");
                }
                assert_eq!(send(&mut window, nonce, nonce).await, message);
                all.insert(nonce.clone(), message);
            }
        }
        let there = history(&mut reader).await;
        let mut texts = texts_of(&there, "text");
        texts.sort();
        assert_eq!(texts, all.keys().cloned().collect::<Vec<_>>());
    }
}
